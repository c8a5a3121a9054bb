#include "lacuna/model/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/model/families/family.hpp"

namespace lacuna {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 4ULL << 20;  // the largest seen, with label tables, have half a megabyte

}  // namespace

std::vector<std::string> supported_model_types() {
  std::vector<std::string> types;
  for (const auto& family : families()) types.emplace_back(family.model_type);
  return types;
}

DecoderConfig parse_config(std::string_view text, const std::filesystem::path& name_for_errors) {
  const ConfigReader json = ConfigReader::parse(text, name_for_errors);
  const std::string type = json.required_string("model_type");
  if (json.has("quantization_config")) {
    throw json.error("quantization_config", "nothing: quantised checkpoints are not supported", "one")
        .hint("use the checkpoint in bf16, f16 or f32 that the quantised one was made from");
  }
  for (const auto& family : families()) {
    if (family.model_type != type) continue;
    DecoderConfig config = family.describe(json);
    config.model_type = type;
    return config;
  }
  throw json.error_with(ErrorCode::unsupported_model,
                        fmt::format("model_type: expected one of {}, found \"{}\"",
                                    fmt::join(supported_model_types(), ", "), type.substr(0, 60)));
}

DecoderConfig read_config(const std::filesystem::path& config_json) {
  return parse_config(read_file(config_json, kMaxConfigBytes), config_json);
}

}  // namespace lacuna

// Any bytes as a config.json: an Error that names the file, or a description within the bounds that the forward pass
// relies on.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "lacuna/core/error.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/model/layer.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_description(const lacuna::DecoderConfig& c) {
  constexpr std::int64_t kWidest = 1LL << 20;
  for (const auto size : {c.hidden_size, c.embedding_size, c.intermediate_size, c.query_size(), c.kv_size()}) {
    require(size > 0 && size <= kWidest);
  }
  require(c.n_layers > 0 && c.windows.size() == static_cast<std::size_t>(c.n_layers) && c.n_layers <= 4096);
  require(c.n_kv_heads > 0 && c.n_heads % c.n_kv_heads == 0 && c.vocab_size > 0 && c.max_positions > 0);
  require(std::isfinite(c.norm_epsilon) && c.norm_epsilon >= 0.0F);
  for (const auto window : c.windows) require(window >= 0);
  for (const auto& linear : lacuna::layer_linears(c, c.n_layers - 1)) require(linear.rows > 0 && linear.cols > 0);
  if (c.positions != lacuna::PositionKind::rope) return;
  require(c.head_dim % 2 == 0);
  for (const std::int64_t length : {std::int64_t{1}, c.max_positions, 2 * c.max_positions}) {
    for (const float frequency : lacuna::rope_frequencies(c.rope, c.head_dim, length)) {
      require(std::isfinite(frequency) && frequency >= 0.0F);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path path = "/lacuna-fuzz/config.json";
  try {
    check_description(lacuna::parse_config({reinterpret_cast<const char*>(data), size}, path));
  } catch (const lacuna::Error& error) {
    using lacuna::ErrorCode;
    require(error.path() == path);
    require(error.code() == ErrorCode::bad_config || error.code() == ErrorCode::unsupported_model);
  }
  return 0;
}

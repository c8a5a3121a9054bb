// `lacuna tokenize`: text to a token file.
#include <fmt/format.h>

#include <filesystem>

#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/hub_cache.hpp"
#include "lacuna/formats/npy.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/study/token_source.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct TokenizeOptions {
  std::string model;
  std::string text;
  std::string out;
  bool no_special_tokens = false;
};

void write_tokens(const fs::path& out, const std::vector<std::int32_t>& ids) {
  const auto view = make_tensor_view(DType::i32, {static_cast<std::int64_t>(ids.size())}, ids.data());
  if (out.extension() == ".npy") return write_npy(out, view);
  if (out.extension() == ".safetensors") {
    const std::vector<NamedTensor> tensors = {{"tokens", view}};
    return write_safetensors(out, tensors, {});
  }
  throw Error(ErrorCode::invalid_argument, "--out: expected a name ending in .npy or .safetensors").at(out);
}

void run_tokenize(const Session& session, const TokenizeOptions& options) {
  constexpr std::uint64_t kMaxTextBytes = std::uint64_t{4} << 30;
  const Tokenizer tokenizer = Tokenizer::open(resolve_model(options.model));
  const std::string text = read_file(options.text, kMaxTextBytes);
  const auto ids = tokenizer.encode(text, !options.no_special_tokens);
  require_distinct_paths(options.out, options.text);
  write_tokens(options.out, ids);
  session.print(fmt::format("{}: {} tokens from {} ({:.2f} bytes a token)", options.out, human_count(ids.size()),
                            human_bytes(text.size()),
                            ids.empty() ? 0.0 : static_cast<double>(text.size()) / static_cast<double>(ids.size())));
  session.print_json(
      {{"out", options.out}, {"tokens", ids.size()}, {"bytes", text.size()}, {"digest", digest_tokens(ids)}});
}

}  // namespace

void add_tokenize(Application& app) {
  auto& command = app.command("Prepare", "tokenize", "Turn a text into a token file with a model's tokenizer");
  auto options = std::make_shared<TokenizeOptions>();
  command.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
  command.add_option("text", options->text, "UTF-8 text")->required()->type_name("FILE");
  command.add_option("-o,--out", options->out, "token file: .npy or .safetensors")->required()->type_name("FILE");
  command.add_flag("--no-special-tokens", options->no_special_tokens, "without <s> and its like");
  app.on_run(command, [options](const Session& session) { run_tokenize(session, *options); });
}

}  // namespace lacuna::cli

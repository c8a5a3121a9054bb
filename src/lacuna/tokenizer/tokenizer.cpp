#include "lacuna/tokenizer/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/pipeline.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::uint64_t kMaxFileBytes = 256U << 20U;
constexpr std::size_t kMaxTextBytes = 1U << 30U;

// Runs a reader and adds the path to its errors.
template <typename Read>
auto with_path(const std::filesystem::path& path, const Read& read) {
  try {
    return read();
  } catch (Error& error) {
    if (error.path().empty()) error.at(path, error.byte_offset());
    throw;
  }
}

// The text of a token as tokenizer_config.json writes it: "<s>" or {"content": "<s>", …}.
std::optional<std::string> read_token_name(const JsonNode& config, std::string_view key) {
  const auto node = config.find(key);
  if (!node) return std::nullopt;
  return std::string(node->type() == JsonNode::Type::object ? node->field("content").string() : node->string());
}

std::vector<std::int32_t> read_ids(const JsonNode& config, std::string_view key) {
  std::vector<std::int32_t> ids;
  const auto add = [&](const JsonNode& node) {
    // Some configurations say -1 for "none".
    if (node.number() >= 0 && node.number() < INT32_MAX) ids.push_back(static_cast<std::int32_t>(node.number()));
  };
  const auto node = config.find(key);
  if (!node) return ids;
  if (node->type() == JsonNode::Type::array) {
    node->for_each_item([&](std::size_t, const JsonNode& item) { add(item); });
  } else {
    add(*node);
  }
  return ids;
}

// Reads one configuration file of a model folder, if it is there.
template <typename Read>
void read_config(const std::filesystem::path& path, const Read& read) {
  if (!std::filesystem::exists(path)) return;
  with_path(path, [&] {
    const auto content = read_file(path, kMaxFileBytes);
    const auto document = JsonDocument::parse(content);
    read(document.root());
  });
}

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const TokenizerPipeline> pipeline, std::filesystem::path path,
                             bool skip_special_tokens)
    : pipeline_(std::move(pipeline)), path_(std::move(path)), stream_(pipeline_->open_stream(skip_special_tokens)) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(std::int32_t id) {
  if (id < 0) throw Error(ErrorCode::invalid_argument, fmt::format("token id {}, expected 0 or more", id));
  if (static_cast<std::size_t>(id) >= pipeline_->vocab_size()) return {};
  return with_path(path_, [&] { return stream_->push(id); });
}

std::string StreamDecoder::finish() {
  return with_path(path_, [&] { return stream_->finish(); });
}

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerPipeline> pipeline, std::filesystem::path path)
    : pipeline_(std::move(pipeline)), path_(std::move(path)), bos_id_(pipeline_->bos_id()) {
  if (const auto eos = pipeline_->eos_id()) eos_ids_.push_back(*eos);
}

Tokenizer Tokenizer::from_json(std::string_view content, const std::filesystem::path& name) {
  return with_path(name, [&] { return Tokenizer(load_tokenizer_json(content), name); });
}

Tokenizer Tokenizer::from_json_file(const std::filesystem::path& path) {
  return from_json(read_file(path, kMaxFileBytes), path);
}

Tokenizer Tokenizer::from_sentencepiece(std::string_view content, const std::filesystem::path& name, bool add_bos,
                                        bool add_eos) {
  return with_path(name, [&] { return Tokenizer(load_sentencepiece_model(content, {add_bos, add_eos}), name); });
}

Tokenizer Tokenizer::from_sentencepiece_file(const std::filesystem::path& path, bool add_bos, bool add_eos) {
  return from_sentencepiece(read_file(path, kMaxFileBytes), path, add_bos, add_eos);
}

Tokenizer Tokenizer::open(const std::filesystem::path& folder) {
  const auto json = folder / "tokenizer.json";
  const auto sentencepiece = folder / "tokenizer.model";
  if (std::filesystem::exists(json)) {
    Tokenizer tokenizer = from_json_file(json);
    tokenizer.learn_special_tokens(folder);
    return tokenizer;
  }
  if (!std::filesystem::exists(sentencepiece)) {
    Error error(ErrorCode::not_found, "expected tokenizer.json or tokenizer.model in the model folder, found neither");
    error.at(folder);
    throw error;
  }
  SpecialTokenOptions options;
  read_config(folder / "tokenizer_config.json", [&](const JsonNode& config) {
    options.add_bos = config.boolean_or("add_bos_token", options.add_bos);
    options.add_eos = config.boolean_or("add_eos_token", options.add_eos);
  });
  Tokenizer tokenizer = from_sentencepiece_file(sentencepiece, options.add_bos, options.add_eos);
  tokenizer.learn_special_tokens(folder);
  return tokenizer;
}

void Tokenizer::learn_special_tokens(const std::filesystem::path& folder) {
  const auto known = [&](std::int32_t id) { return static_cast<std::size_t>(id) < vocab_size(); };
  const auto add_eos = [&](std::int32_t id) {
    if (known(id) && std::find(eos_ids_.begin(), eos_ids_.end(), id) == eos_ids_.end()) eos_ids_.push_back(id);
  };
  read_config(folder / "tokenizer_config.json", [&](const JsonNode& config) {
    if (const auto name = read_token_name(config, "bos_token")) bos_id_ = token_to_id(*name);
    const auto eos_name = read_token_name(config, "eos_token");
    const auto eos = eos_name ? token_to_id(*eos_name) : std::nullopt;
    if (eos) add_eos(*eos);
  });
  // Ids beyond the vocabulary occur in honest files (configurations copied from larger models) and are no token.
  for (const auto* file : {"generation_config.json", "config.json"}) {
    read_config(folder / file, [&](const JsonNode& config) {
      for (const auto id : read_ids(config, "eos_token_id")) add_eos(id);
      const auto bos = read_ids(config, "bos_token_id");
      if (!bos_id_ && bos.size() == 1 && known(bos[0])) bos_id_ = bos[0];
    });
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  if (text.size() > kMaxTextBytes) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("a text of {} bytes, expected at most {} at once", text.size(), kMaxTextBytes));
  }
  if (const auto offset = find_invalid_utf8(text)) {
    throw Error(ErrorCode::invalid_utf8, fmt::format("the text is not UTF-8 at byte {}: found byte 0x{:02X}", *offset,
                                                     static_cast<unsigned char>(text[*offset])));
  }
  return with_path(path_, [&] { return pipeline_->encode(text, add_special_tokens); });
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  auto stream = stream_decoder(skip_special_tokens);
  std::string text;
  for (const auto id : ids) text += stream.push(id);
  return text + stream.finish();
}

StreamDecoder Tokenizer::stream_decoder(bool skip_special_tokens) const {
  return {pipeline_, path_, skip_special_tokens};
}

std::size_t Tokenizer::vocab_size() const { return pipeline_->vocab_size(); }
std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  return pipeline_->token_to_id(token);
}
std::optional<std::string> Tokenizer::id_to_token(std::int32_t id) const {
  const auto token = pipeline_->id_to_token(id);
  if (!token) return std::nullopt;
  return std::string(*token);
}
bool Tokenizer::is_special(std::int32_t id) const { return pipeline_->is_special(id); }

}  // namespace lacuna

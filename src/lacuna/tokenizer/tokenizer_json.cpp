// tokenizer.json: added tokens → normalizer → pre-tokenizer → BPE → post-processor, and back through the decoder.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_set>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/added_tokens.hpp"
#include "lacuna/tokenizer/bpe.hpp"
#include "lacuna/tokenizer/decoder.hpp"
#include "lacuna/tokenizer/growth_limit.hpp"
#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/normalizer.hpp"
#include "lacuna/tokenizer/pipeline.hpp"
#include "lacuna/tokenizer/post_processor.hpp"
#include "lacuna/tokenizer/pre_tokenizer.hpp"
#include "lacuna/tokenizer/word_cache.hpp"

namespace lacuna {
namespace {

Vocabulary load_vocabulary(const JsonNode& node) {
  Vocabulary vocabulary(node.size());
  node.for_each_field([&](std::string_view token, const JsonNode& id) {
    if (id.type() != JsonNode::Type::number) id.fail(fmt::format("expected a number as the id of \"{}\"", token));
    vocabulary.add(token, id.unsigned_integer());
  });
  return vocabulary;
}

// One merge, written "a b" or ["a", "b"].
struct MergeNames {
  std::string_view left;
  std::string_view right;
};

MergeNames read_merge(const JsonNode& node) {
  if (node.type() == JsonNode::Type::array) {
    std::vector<std::string_view> names;
    node.for_each_item([&](std::size_t, const JsonNode& name) {
      if (names.size() < 3) names.push_back(name.string());
    });
    if (names.size() != 2) node.fail("expected two tokens");
    return {names[0], names[1]};
  }
  const std::string_view text = node.string();
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    node.fail(fmt::format("expected two tokens with one space between them, got \"{}\"", text));
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

MergeTable load_merges(const JsonNode& node, const Vocabulary& vocabulary, std::size_t prefix_bytes) {
  MergeTable merges(node.size());
  std::uint32_t rank = 0;
  std::optional<JsonNode::Type> spelling;
  node.for_each_item([&](std::size_t, const JsonNode& item) {
    if (spelling && *spelling != item.type()) item.fail("merges mix the spellings \"a b\" and [\"a\", \"b\"]");
    spelling = item.type();
    if (*spelling == JsonNode::Type::string && item.string().starts_with("#version")) return;
    const auto [left, right] = read_merge(item);
    if (right.size() < prefix_bytes) item.fail(fmt::format("token \"{}\" is shorter than its prefix", right));
    const auto id_of = [&](const std::string& token) {
      const auto id = vocabulary.find(token);
      if (id == Vocabulary::kAbsent) item.fail(fmt::format("token \"{}\" is not in the vocabulary", token));
      return id;
    };
    const std::string joined = std::string(left) + std::string(right.substr(prefix_bytes));
    merges.add(id_of(std::string(left)), id_of(std::string(right)), {rank++, id_of(joined)});
  });
  return merges;
}

BpeModel load_model(const JsonNode& node, const Vocabulary& vocabulary) {
  BpeOptions options{.unknown_token = node.string_or_nothing("unk_token"),
                     .continuing_subword_prefix = node.string_or_nothing("continuing_subword_prefix").value_or(""),
                     .end_of_word_suffix = node.string_or_nothing("end_of_word_suffix").value_or(""),
                     .fuse_unknown = node.boolean_or("fuse_unk", false),
                     .byte_fallback = node.boolean_or("byte_fallback", false),
                     .ignore_merges = node.boolean_or("ignore_merges", false)};
  check_replacement(options.continuing_subword_prefix);
  check_replacement(options.end_of_word_suffix);
  // Dropout makes encoding random; it belongs to training, and its absence is what users of a finished model expect.
  if (const auto dropout = node.find("dropout")) static_cast<void>(dropout->number());
  const std::size_t prefix_bytes = options.continuing_subword_prefix.size();
  return {vocabulary, load_merges(node.field("merges"), vocabulary, prefix_bytes), std::move(options)};
}

void require_bpe(const JsonNode& model) {
  const auto type = model.find("type");
  const bool looks_like_bpe = !type && model.find("merges").has_value();
  if (looks_like_bpe || (type && type->string() == "BPE")) return;
  throw Error(ErrorCode::unsupported_tokenizer,
              fmt::format("model \"{}\" is not supported; supported: BPE", type ? type->string() : "without type"));
}

class JsonPipeline final : public TokenizerPipeline {
 public:
  explicit JsonPipeline(const JsonNode& root)
      : vocabulary_(load_vocabulary(root.field("model").field("vocab"))),
        model_(load_model(root.field("model"), vocabulary_)),
        added_vocabulary_(0) {
    if (const auto node = root.find("normalizer")) normalizer_ = Normalizer::load(*node);
    if (const auto node = root.find("pre_tokenizer")) pre_tokenizer_ = PreTokenizer::load(*node);
    if (const auto node = root.find("added_tokens")) add_tokens(load_added_tokens(*node), *node);
    if (const auto node = root.find("post_processor")) post_processor_ = PostProcessor::load(*node, vocab_size());
    if (const auto node = root.find("decoder")) decoder_ = TokenDecoder::load(*node);
  }

  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    Pieces pieces = added_tokens_.cut(text, normalizer_);
    pre_tokenizer_.apply(pieces);
    return post_processor_.apply(encode_pieces(pieces), add_special_tokens);
  }

  std::unique_ptr<TextStream> open_stream(bool skip_special_tokens) const override {
    return std::make_unique<Stream>(*this, skip_special_tokens);
  }

  std::size_t vocab_size() const override { return std::max(vocabulary_.id_end(), added_vocabulary_.id_end()); }

  std::optional<std::int32_t> token_to_id(std::string_view token) const override {
    auto id = added_vocabulary_.find(token);
    if (id == Vocabulary::kAbsent) id = vocabulary_.find(token);
    if (id == Vocabulary::kAbsent) return std::nullopt;
    return id;
  }

  std::optional<std::string_view> id_to_token(std::int32_t id) const override {
    const auto added = added_vocabulary_.token(id);
    return added ? added : vocabulary_.token(id);
  }

  bool is_special(std::int32_t id) const override { return special_ids_.contains(id); }

 private:
  class Stream : public TextStream {
   public:
    Stream(const JsonPipeline& pipeline, bool skip_special_tokens)
        : pipeline_(pipeline), skip_special_tokens_(skip_special_tokens), stream_(pipeline.decoder_.open()) {}
    std::string push(std::int32_t id) override {
      const auto token = pipeline_.id_to_token(id);
      if (!token || (skip_special_tokens_ && pipeline_.is_special(id))) return {};
      return stream_.push(*token);
    }
    std::string finish() override { return stream_.finish(); }

   private:
    const JsonPipeline& pipeline_;
    bool skip_special_tokens_;
    DecodeStream stream_;
  };

  void add_tokens(std::vector<AddedToken> tokens, const JsonNode& node) {
    added_vocabulary_ = Vocabulary(tokens.size() + vocabulary_.size());
    std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
    for (const auto& token : tokens) {
      const auto model_id = vocabulary_.find(token.content);
      if (model_id != Vocabulary::kAbsent && model_id != token.id) {
        node.fail(fmt::format("token \"{}\" has id {}, but id {} in the model", token.content, token.id, model_id));
      }
      const auto owner = vocabulary_.token(token.id);
      if (owner && *owner != token.content) {
        node.fail(fmt::format("id {} belongs to two tokens, \"{}\" and \"{}\"", token.id, *owner, token.content));
      }
      added_vocabulary_.add(token.content, static_cast<std::uint64_t>(token.id));
      if (token.special) special_ids_.insert(token.id);
    }
    added_tokens_ = AddedTokens(std::move(tokens), normalizer_);
  }

  std::vector<std::int32_t> encode_pieces(const Pieces& pieces) const {
    std::vector<std::int32_t> ids;
    ids.reserve(pieces.text.size() / 3);
    auto cache = caches_.borrow();
    for (const auto& piece : pieces.list) {
      if (piece.is_token()) {
        ids.push_back(piece.token);
        continue;
      }
      for (auto rest = pieces.view(piece); !rest.empty();) {
        const auto word = rest.substr(0, model_.first_word(rest));
        rest.remove_prefix(word.size());
        encode_word(word, *cache, ids);
      }
    }
    return ids;
  }

  void encode_word(std::string_view word, WordCache& cache, std::vector<std::int32_t>& ids) const {
    const auto hit = cache.find(word);
    if (hit.ids != nullptr) {
      ids.insert(ids.end(), hit.ids, hit.ids + hit.n);
      return;
    }
    const std::size_t first = ids.size();
    model_.encode_word(word, ids);
    cache.store(word, std::span(ids).subspan(first));
  }

  Vocabulary vocabulary_;
  BpeModel model_;
  Vocabulary added_vocabulary_;
  std::unordered_set<std::int32_t> special_ids_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  AddedTokens added_tokens_;
  PostProcessor post_processor_;
  TokenDecoder decoder_;
  mutable WordCachePool caches_;
};

}  // namespace

std::shared_ptr<const TokenizerPipeline> load_tokenizer_json(std::string_view content) {
  const auto document = JsonDocument::parse(content);
  const JsonNode root = document.root();
  const auto version = root.string_or_nothing("version");
  if (version && *version != "1.0") root.fail(fmt::format("unknown tokenizer version \"{}\"", *version));
  require_bpe(root.field("model"));
  return std::make_shared<JsonPipeline>(root);
}

}  // namespace lacuna

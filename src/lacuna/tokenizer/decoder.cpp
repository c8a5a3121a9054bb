#include "lacuna/tokenizer/decoder.hpp"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/decode_sinks.hpp"
#include "lacuna/tokenizer/growth_limit.hpp"
#include "lacuna/tokenizer/text_pattern.hpp"

namespace lacuna {
namespace {

using StepPointer = std::unique_ptr<const DecodeStep>;

// With kMaxTokenGrowth: a hostile file can make one token at most 4,096 times as long.
constexpr int kMaxReplaceSteps = 4;

// Makes a step of a sink type and the options that its constructor takes behind the next sink.
template <typename Sink, typename... Options>
class Step : public DecodeStep {
 public:
  explicit Step(Options... options) : options_(std::move(options)...) {}
  std::unique_ptr<DecodeSink> open(DecodeSink& next) const override {
    return std::apply([&](const auto&... options) { return std::make_unique<Sink>(next, options...); }, options_);
  }

 private:
  std::tuple<Options...> options_;
};

template <typename Sink, typename... Options>
StepPointer make_step(Options... options) {
  return std::make_unique<Step<Sink, Options...>>(std::move(options)...);
}

StepPointer load_metaspace(const JsonNode& node) {
  const auto scheme = node.string_or_nothing("prepend_scheme").value_or("always");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    node.fail(fmt::format("expected prepend_scheme first, always or never, got \"{}\"", scheme));
  }
  const bool drop_in_first = node.boolean_or("add_prefix_space", true) && scheme != "never";
  return make_step<MetaspaceSink>(single_character(node.field("replacement")), drop_in_first);
}

StepPointer load_bpe(const JsonNode& node) {
  const auto suffix = node.field("suffix").string();
  if (suffix.empty()) node.fail("expected a suffix that is not empty");
  return make_step<BpeSink>(TextPattern::literal(std::string(suffix)));
}

StepPointer load_replace(const JsonNode& node) {
  const auto content = node.field("content").string();
  check_replacement(content);
  return make_step<ReplaceSink>(TextPattern::load_for_replacing(node.field("pattern")), std::string(content));
}

StepPointer load_step(const JsonNode& node, std::string_view type) {
  if (type == "ByteLevel") return make_step<ByteLevelSink>();
  if (type == "ByteFallback") return make_step<ByteFallbackSink>();
  if (type == "Fuse") return make_step<FuseSink>();
  if (type == "Metaspace") return load_metaspace(node);
  if (type == "BPEDecoder") return load_bpe(node);
  if (type == "Replace") return load_replace(node);
  if (type == "Strip") {
    return make_step<StripSink>(single_character(node.field("content")), node.field("start").unsigned_integer(),
                                node.field("stop").unsigned_integer());
  }
  throw Error(
      ErrorCode::unsupported_tokenizer,
      fmt::format("{}: decoder \"{}\" is not supported; supported: Sequence, ByteLevel, Metaspace, ByteFallback, "
                  "Fuse, Replace, Strip, BPEDecoder",
                  node.where(), type));
}

struct StepList {
  std::vector<StepPointer> steps;
  int n_replace = 0;
};

void load_steps(const JsonNode& node, StepList& list) {
  const std::string_view type = node.field("type").string();
  if (type == "Sequence") {
    node.field("decoders").for_each_item([&](std::size_t, const JsonNode& item) { load_steps(item, list); });
    return;
  }
  if (type == "Replace" && ++list.n_replace > kMaxReplaceSteps) {
    node.fail(fmt::format("expected at most {} Replace steps", kMaxReplaceSteps));
  }
  if (list.steps.size() == kMaxSteps) node.fail(fmt::format("expected at most {} steps", kMaxSteps));
  list.steps.push_back(load_step(node, type));
}

}  // namespace

DecodeStream::DecodeStream(const std::vector<std::unique_ptr<const DecodeStep>>& steps) {
  DecodeSink* next = collector_.get();
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    sinks_.push_back((*step)->open(*next));
    next = sinks_.back().get();
  }
}

std::string DecodeStream::push(std::string_view token) {
  (sinks_.empty() ? *collector_ : *sinks_.back()).chunk(token, true);
  return std::exchange(collector_->text, {});
}

std::string DecodeStream::finish() {
  (sinks_.empty() ? *collector_ : *sinks_.back()).finish();
  return std::exchange(collector_->text, {});
}

TokenDecoder::TokenDecoder() { steps_.push_back(make_step<JoinBySpaceSink>()); }

TokenDecoder TokenDecoder::load(const JsonNode& node) {
  StepList list;
  load_steps(node, list);
  return TokenDecoder(std::move(list.steps));
}

}  // namespace lacuna

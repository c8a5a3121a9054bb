// Decoders of tokenizer.json: from token texts to text, one token at a time.
//
// A decoder is a chain of steps; a DecodeStream is one run of it. Tokens flow through as chunks: a step that joins
// tokens (ByteLevel, Fuse) hands on chunks of one long token as soon as no later token can change them, so the chunks
// that come out, put together, are always exactly what decoding everything at once gives.
//
// Supported  Sequence, ByteLevel, Metaspace, ByteFallback, Fuse, Replace, Strip, BPEDecoder. Others are
//            Error{unsupported_tokenizer}, by name. Without a decoder, tokens are joined by spaces, as in the
//            reference.
// Threads    a TokenDecoder is safe from any thread; a DecodeStream belongs to one and must not outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/json_node.hpp"

namespace lacuna {

// Takes a text in chunks. A chunk holds whole characters; the last one of each token has ends_token set.
class DecodeSink {
 public:
  virtual ~DecodeSink() = default;
  virtual void chunk(std::string_view text, bool ends_token) = 0;
  virtual void finish() = 0;
};

class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual std::unique_ptr<DecodeSink> open(DecodeSink& next) const = 0;
};

class DecodeStream {
 public:
  explicit DecodeStream(const std::vector<std::unique_ptr<const DecodeStep>>& steps);
  std::string push(std::string_view token);  // the text that is final now
  std::string finish();                      // the rest

 private:
  struct Collector : DecodeSink {
    void chunk(std::string_view part, bool) override { text += part; }
    void finish() override {}
    std::string text;
  };
  std::unique_ptr<Collector> collector_ = std::make_unique<Collector>();
  std::vector<std::unique_ptr<DecodeSink>> sinks_;  // last step to first
};

class TokenDecoder {
 public:
  TokenDecoder();  // joins by spaces
  static TokenDecoder load(const JsonNode& node);
  DecodeStream open() const { return DecodeStream(steps_); }

 private:
  explicit TokenDecoder(std::vector<std::unique_ptr<const DecodeStep>> steps) : steps_(std::move(steps)) {}
  std::vector<std::unique_ptr<const DecodeStep>> steps_;
};

}  // namespace lacuna

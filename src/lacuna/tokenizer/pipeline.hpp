// What every kind of tokenizer file turns into.
//
// Threads  const functions are safe from any thread; a TextStream belongs to one and must not outlive its pipeline.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/vocabulary.hpp"

namespace lacuna {

// One run of decoding.
class TextStream {
 public:
  virtual ~TextStream() = default;
  virtual std::string push(std::int32_t id) = 0;  // id in [0, vocab_size)
  virtual std::string finish() = 0;
};

class TokenizerPipeline {
 public:
  virtual ~TokenizerPipeline() = default;
  virtual std::vector<std::int32_t> encode(std::string_view valid_utf8, bool add_special_tokens) const = 0;
  virtual std::unique_ptr<TextStream> open_stream(bool skip_special_tokens) const = 0;
  virtual std::size_t vocab_size() const = 0;
  virtual std::optional<std::int32_t> token_to_id(std::string_view token) const = 0;
  virtual std::optional<std::string_view> id_to_token(std::int32_t id) const = 0;
  virtual bool is_special(std::int32_t id) const = 0;
  virtual std::optional<std::int32_t> bos_id() const { return std::nullopt; }  // where the file itself says so
  virtual std::optional<std::int32_t> eos_id() const { return std::nullopt; }
};

// tokenizer.model does not say which special tokens go around a text; tokenizer_config.json does.
struct SpecialTokenOptions {
  bool add_bos = true;
  bool add_eos = false;
};

// Readers of the two files. Errors lack the path; the callers add it.
std::shared_ptr<const TokenizerPipeline> load_tokenizer_json(std::string_view content);
std::shared_ptr<const TokenizerPipeline> load_sentencepiece_model(std::string_view content,
                                                                  const SpecialTokenOptions& options);

}  // namespace lacuna

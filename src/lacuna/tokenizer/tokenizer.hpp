// Text to token ids and back, from the files that models come with.
//
// Reads      tokenizer.json (BPE: byte-level, or SentencePiece style with byte fallback) and tokenizer.model
//            (SentencePiece BPE and unigram). docs/tokenizer.md lists what is supported and what is refused.
// Exact      the same ids and texts as the reference (`tokenizers`, `sentencepiece`), held by tests against it.
// Threads    a Tokenizer is immutable and safe from any thread, and cheap to copy; a StreamDecoder belongs to one.
// Errors     bad_tokenizer, unsupported_tokenizer, limit_exceeded: the file, with its path, also where it shows only at
//            work. invalid_utf8: the text, with the byte offset. invalid_argument: a negative id. not_found: no
//            tokenizer in the folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class TokenizerPipeline;
class TextStream;

// Decodes a growing list of ids, as generation needs it. The texts returned, put together, are what decode() of all ids
// gives, and each is valid UTF-8: characters whose bytes come from several tokens are held back until complete.
class StreamDecoder {
 public:
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();
  std::string push(std::int32_t id);  // what this id makes final; may be empty
  std::string finish();               // what was held back; afterwards the decoder is spent

 private:
  friend class Tokenizer;
  StreamDecoder(std::shared_ptr<const TokenizerPipeline> pipeline, std::filesystem::path path,
                bool skip_special_tokens);
  std::shared_ptr<const TokenizerPipeline> pipeline_;
  std::filesystem::path path_;
  std::unique_ptr<TextStream> stream_;
};

class Tokenizer {
 public:
  // The tokenizer of a model folder: tokenizer.json, else tokenizer.model. bos and eos ids come from
  // tokenizer_config.json, generation_config.json and config.json, where these are present.
  static Tokenizer open(const std::filesystem::path& model_folder);
  static Tokenizer from_json_file(const std::filesystem::path& path);
  // The file does not say whether <s> and </s> belong around a text; the defaults are Llama's.
  static Tokenizer from_sentencepiece_file(const std::filesystem::path& path, bool add_bos = true,
                                           bool add_eos = false);

  // The same from memory; `name` stands for the path in errors.
  static Tokenizer from_json(std::string_view content, const std::filesystem::path& name);
  static Tokenizer from_sentencepiece(std::string_view content, const std::filesystem::path& name, bool add_bos = true,
                                      bool add_eos = false);

  // Ids of a text. add_special_tokens: with what the file's template puts around it (often <s> in front).
  std::vector<std::int32_t> encode(std::string_view utf8_text, bool add_special_tokens = true) const;

  // Text of ids; bytes that are not UTF-8 become U+FFFD. skip_special_tokens: without <s> and its like. Ids without a
  // token, in a hole of the vocabulary or beyond its end as padded heads give them, decode to nothing.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = true) const;
  StreamDecoder stream_decoder(bool skip_special_tokens = true) const;

  std::size_t vocab_size() const;  // highest id + 1, added tokens included
  std::optional<std::int32_t> token_to_id(std::string_view token) const;
  std::optional<std::string> id_to_token(std::int32_t id) const;
  bool is_special(std::int32_t id) const;

  std::optional<std::int32_t> bos_id() const { return bos_id_; }
  const std::vector<std::int32_t>& eos_ids() const { return eos_ids_; }  // generation ends at any of them

 private:
  Tokenizer(std::shared_ptr<const TokenizerPipeline> pipeline, std::filesystem::path path);
  void learn_special_tokens(const std::filesystem::path& folder);

  std::shared_ptr<const TokenizerPipeline> pipeline_;
  std::filesystem::path path_;  // for errors
  std::optional<std::int32_t> bos_id_;
  std::vector<std::int32_t> eos_ids_;
};

}  // namespace lacuna

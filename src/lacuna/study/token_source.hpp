// Token ids from whatever a user has: text, a token .npy, a safetensors file with one integer tensor.
//
//   text          any other file: read as UTF-8 and tokenized in one piece, special tokens added once
//   .npy          integers, rank 1 (a stream) or rank 2 (sequences × tokens)
//   .safetensors  one integer tensor of rank 1 or 2
//
// Errors  bad_token: an id outside [0, vocab_size); invalid_utf8; unsupported_dtype; shape_mismatch: another rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna {

struct TokenSource {
  std::vector<std::int32_t> ids;  // row-major
  std::int64_t rows = 1;          // 1: a stream
  std::int64_t cols = 0;
  std::string digest;  // SHA-256 of the ids as little-endian i32

  bool is_stream() const { return rows == 1; }
};

// `tokenizer` may be null when the file holds tokens; text then is Error{missing_argument}.
TokenSource read_token_source(const std::filesystem::path& path, const Tokenizer* tokenizer, std::int64_t vocab_size);

std::string digest_tokens(const std::vector<std::int32_t>& ids);

}  // namespace lacuna

// What a tokenizer must withstand once it has opened: texts of many kinds, and ids within and beyond its vocabulary.
#pragma once

#include <cstdlib>
#include <string_view>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna::fuzz {

inline const std::filesystem::path kTokenizerPath = "/lacuna-fuzz/tokenizer";

inline void encode_and_decode(const Tokenizer& tokenizer) {
  static constexpr std::string_view kTexts[] = {
      "", "Hello, world! 123 it's  two   spaces\n\n\tend ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
      "<s> [INST] \xE2\x96\x81\xE2\x96\x81x\xE2\x96\x81 </s><unk>",
      "\xC3\xA9t\xC3\xA9 e\xCC\x81 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 \xEF\xB7\xBA"};
  const auto end = static_cast<std::int32_t>(tokenizer.vocab_size());
  for (const auto text : kTexts) {
    const auto ids = tokenizer.encode(text);
    for (const auto id : ids) {
      if (id < 0 || id >= end) std::abort();
    }
    tokenizer.decode(ids, false);
  }
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 0; id < std::min(end + 2, 600); ++id) ids.push_back(id);
  tokenizer.decode(ids);
  tokenizer.decode(std::vector<std::int32_t>{end - 1, end, INT32_MAX, 0});
}

template <typename Open>
void work_with(std::size_t size, const Open& open) {
  try {
    encode_and_decode(open());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal || error.path() != kTokenizerPath) std::abort();
    if (error.byte_offset().value_or(0) > size) std::abort();
  }
}

}  // namespace lacuna::fuzz

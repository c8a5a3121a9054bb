// Any bytes as a tokenizer.model: an Error that names the file, or a tokenizer that gives ids of its vocabulary for any
// text and takes any id.
#include "tokenizer_work.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const bool around = size % 2 == 0;
  lacuna::fuzz::work_with(size, [&] {
    return lacuna::Tokenizer::from_sentencepiece(content, lacuna::fuzz::kTokenizerPath, around, around);
  });
  return 0;
}

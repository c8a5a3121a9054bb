#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/pipeline.hpp"

namespace lacuna {

std::shared_ptr<const TokenizerPipeline> load_sentencepiece_model(std::string_view) {
  throw Error(ErrorCode::unsupported_tokenizer, "tokenizer.model is not supported");
}

}  // namespace lacuna

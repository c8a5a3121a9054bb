// From hidden states to logits: final norm, output projection, and the product with the vocabulary matrix in blocks.
//
//   LmHead head(decoder, Compute::f32);
//   const Matrix<float> states = head.states(hidden);          // normalised once
//   head.logits(states.view(), out.view());                    // rows×vocabulary, for few rows
//   for_each_logit_block({{&head, states.view()}}, visit);     // any number of rows, bounded memory
//
// Threads  parallel inside; one call at a time per object.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lacuna/model/decoder.hpp"
#include "lacuna/model/linear_product.hpp"

namespace lacuna {

class LmHead {
 public:
  LmHead(const Decoder& decoder, Compute compute);  // the decoder must outlive it

  Matrix<float> states(MatrixView<const float> hidden);
  void logits(MatrixView<const float> states, MatrixView<float> out);
  // Columns [first_token, first_token + out.cols) of the logits.
  void logit_block(MatrixView<const float> states, std::int64_t first_token, MatrixView<float> out);

  std::int64_t vocab_size() const { return decoder_->config().vocab_size; }

 private:
  const Decoder* decoder_;
  LinearProduct product_;
  NormWeights norm_;
};

struct HeadInput {
  LmHead* head;
  MatrixView<const float> states;
};

// One block of every input's logits: rows [first_row, …) by tokens [first_token, …), the same for all inputs.
struct LogitBlock {
  std::int64_t first_row = 0;
  std::int64_t first_token = 0;
  std::span<const MatrixView<const float>> logits;
};

// All inputs have equally many rows and one vocabulary size. For a row, blocks come in the order of the tokens.
void for_each_logit_block(std::span<const HeadInput> inputs, const std::function<void(const LogitBlock&)>& visit);

}  // namespace lacuna

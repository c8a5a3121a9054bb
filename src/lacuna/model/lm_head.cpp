#include "lacuna/model/lm_head.hpp"

#include <algorithm>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/norm/norm.hpp"

namespace lacuna {
namespace {

// 1,024 rows × 1,024 tokens of f32 logits: 4 MiB per model, written by the product and read back from cache.
constexpr std::int64_t kBlockRows = 1024;
constexpr std::int64_t kBlockTokens = 1024;

}  // namespace

LmHead::LmHead(const Decoder& decoder, Compute compute)
    : decoder_(&decoder), product_(compute), norm_(decoder.load_final_norm()) {}

Matrix<float> LmHead::states(MatrixView<const float> hidden) {
  const DecoderConfig& config = decoder_->config();
  Matrix<float> normed(hidden.rows, hidden.cols);
  if (config.names.final_norm.empty()) {
    for (std::int64_t r = 0; r < hidden.rows; ++r) std::copy_n(hidden.row(r), hidden.cols, normed.view().row(r));
  } else if (config.norm == NormKind::rms) {
    kernels::rms_norm(hidden, norm_.weight, config.norm_epsilon, normed.view());
  } else {
    kernels::layer_norm(hidden, norm_.weight, norm_.bias, config.norm_epsilon, normed.view());
  }
  const TensorView* projection = decoder_->project_out();
  if (projection == nullptr) return normed;
  Matrix<float> narrow(hidden.rows, config.embedding_size);
  product_.apply_rows(*projection, 0, product_.prepare(normed.view()), narrow.view());
  return narrow;
}

void LmHead::logits(MatrixView<const float> states, MatrixView<float> out) { logit_block(states, 0, out); }

void LmHead::logit_block(MatrixView<const float> states, std::int64_t first_token, MatrixView<float> out) {
  LACUNA_ASSERT(first_token + out.cols <= vocab_size() && states.rows == out.rows);
  product_.apply_rows(decoder_->head(), first_token, product_.prepare(states), out);
}

void for_each_logit_block(std::span<const HeadInput> inputs, const std::function<void(const LogitBlock&)>& visit) {
  const std::int64_t rows = inputs[0].states.rows;
  const std::int64_t tokens = inputs[0].head->vocab_size();
  std::vector<Matrix<float>> buffers(inputs.size());
  for (auto& buffer : buffers) buffer = Matrix<float>(std::min(rows, kBlockRows), std::min(tokens, kBlockTokens));
  std::vector<MatrixView<const float>> logits(inputs.size());
  for (std::int64_t row = 0; row < rows; row += kBlockRows) {
    const std::int64_t n_rows = std::min(kBlockRows, rows - row);
    for (std::int64_t token = 0; token < tokens; token += kBlockTokens) {
      const std::int64_t n_tokens = std::min(kBlockTokens, tokens - token);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const MatrixView<float> block(buffers[i].data(), n_rows, n_tokens);
        inputs[i].head->logit_block(inputs[i].states.block(row, n_rows, 0, inputs[i].states.cols), token, block);
        logits[i] = block;
      }
      visit({row, token, logits});
    }
  }
}

}  // namespace lacuna

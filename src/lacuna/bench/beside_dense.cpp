#include "lacuna/bench/beside_dense.hpp"

#include "lacuna/bench/product_check.hpp"

namespace lacuna {

KernelTiming time_beside_dense(const KernelBench& request, const Copies& dense, std::span<const float> x,
                               std::span<float> y, const MeasuredProduct& product, const RunContext& context) {
  std::uint64_t seen = 0;
  const TimedCall calls[] = {
      [&](std::int64_t turn) { seen += read_once(dense.at(turn)); },
      [&](std::int64_t turn) { dense_gemv(request.dtype, request.shape, dense.at(turn).data(), x.data(), y.data()); },
      product.call};
  const auto times = time_in_turns(calls, request.timing, context);
  KernelTiming timing;
  timing.sparsity = product.sparsity;
  timing.form = product.form;
  timing.dense = times[1];
  timing.time = times[2];
  timing.dense_bytes = static_cast<double>(dense.at(0).size());
  timing.bytes = product.bytes;
  timing.bandwidth = timing.dense_bytes / times[0].median;
  return timing;
}

}  // namespace lacuna

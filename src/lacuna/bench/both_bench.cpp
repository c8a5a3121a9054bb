#include "lacuna/bench/both_bench.hpp"

#include "lacuna/bench/packed_copies.hpp"
#include "lacuna/bench/product_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

namespace lacuna {
namespace {

struct Form {
  std::string name;
  std::function<void(std::int64_t turn, const float* x, float* y)> multiply;
  std::int64_t copies = 1;
  double roundings = 0.0;  // for check_product
};

void multiply_columns(const kernels::ColumnPanels& w, const float* x, float* y) {
  std::vector<kernels::ColumnPanels::Part> parts;
  w.append(0.0F, nullptr, {y, 1, w.rows()}, false, parts);
  kernels::sparse_gemv({x, 1, w.cols()}, parts);
}
void multiply_columns(const kernels::PackedColumns& w, const float* x, float* y) {
  std::vector<kernels::PackedColumns::Part> parts;
  w.append(0.0F, nullptr, {y, 1, w.rows()}, false, parts);
  kernels::packed_columns_gemv({x, 1, w.cols()}, parts);
}

// As many copies as leave the cache, each made by `make`.
template <typename Columns, typename Make>
Form column_form(std::string name, std::size_t rotated_bytes, double roundings, Make make) {
  auto copies = std::make_shared<std::vector<Columns>>();
  copies->push_back(make());
  const std::int64_t count = copies_to_rotate(copies->front().bytes(), rotated_bytes);
  while (std::ssize(*copies) < count) copies->push_back(make());
  const auto multiply = [copies](std::int64_t turn, const float* x, float* y) {
    multiply_columns((*copies)[static_cast<std::size_t>(turn) % copies->size()], x, y);
  };
  return {std::move(name), multiply, count, roundings};
}

std::vector<Form> make_forms(const KernelBench& request, std::span<const std::byte> weights, std::int64_t active) {
  const auto [rows, cols] = request.shape;
  const DType dtype = request.dtype;
  const std::size_t rotated = request.rotated_bytes / 2;
  const double roundings = static_cast<double>(active) + 2.0;
  std::vector<Form> forms;
  auto dense = std::make_shared<const Copies>(weights, rotated);
  forms.push_back({"dense",
                   [dense, dtype, shape = request.shape](std::int64_t turn, const float* x, float* y) {
                     dense_gemv(dtype, shape, dense->at(turn).data(), x, y);
                   },
                   dense->count(), dense_roundings(request.shape)});
  auto packed = std::make_shared<const PackedCopies>(dtype, request.shape, weights, rotated);
  forms.push_back({packed->form(),
                   [packed](std::int64_t turn, const float* x, float* y) { packed->multiply(turn, x, y); },
                   copies_to_rotate(packed->bytes(), rotated), packed->roundings()});
  forms.push_back(column_form<kernels::ColumnPanels>("columns", rotated, roundings, [&] {
    return kernels::ColumnPanels(dtype, weights.data(), rows, cols, thread_count());
  }));
  if (dtype_bytes(dtype) == 2) {
    forms.push_back(column_form<kernels::PackedColumns>("packed columns", rotated, roundings, [&] {
      return kernels::PackedColumns(dtype, weights.data(), rows, cols, thread_count());
    }));
  }
  return forms;
}

}  // namespace

std::vector<FormTime> bench_both(const KernelBench& request, double input_sparsity, const RunContext& context) {
  check_request(request.dtype, request.shape, request.sparsities);
  check_request(request.dtype, request.shape, {&input_sparsity, 1});
  if (request.sparsities.size() != 1) {
    throw Error(ErrorCode::invalid_argument, "both sparsities: expected one of the weights");
  }
  const auto weights = random_weights(request.dtype, request.shape, request.sparsities[0], request.seed);
  const auto inputs = sparse_inputs(request.shape.cols, input_sparsity, request.seed + 1);
  const auto forms = make_forms(request, weights.span(), inputs.active);
  const auto expected = reference_product(request.dtype, request.shape, weights.data(), inputs.sets[0].data());
  std::vector<float> y(static_cast<std::size_t>(request.shape.rows));
  std::vector<TimedCall> calls;
  for (const Form& form : forms) {
    form.multiply(0, inputs.sets[0].data(), y.data());
    check_product(form.name, y, expected, form.roundings);
    calls.emplace_back([&](std::int64_t turn) {
      form.multiply(turn, inputs.sets[inputs.set_of(turn, form.copies)].data(), y.data());
    });
  }
  const auto times = time_in_turns(calls, request.timing, context);
  std::vector<FormTime> measured;
  measured.reserve(forms.size());
  for (std::size_t i = 0; i < forms.size(); ++i) measured.push_back({forms[i].name, times[i]});
  return measured;
}

}  // namespace lacuna

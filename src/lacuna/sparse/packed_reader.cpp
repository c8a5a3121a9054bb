#include "lacuna/sparse/packed_reader.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/sparse/carried_tensors.hpp"
#include "lacuna/sparse/group_indices.hpp"
#include "lacuna/sparse/packed_metadata.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kRowsPerThread = 64;

std::uint64_t ones_of(const std::uint8_t* bytes, std::int64_t n) {
  std::uint64_t ones = 0;
  for (; n >= 8; n -= 8, bytes += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof(word));
    ones += static_cast<unsigned>(std::popcount(word));
  }
  for (; n > 0; --n, ++bytes) ones += static_cast<unsigned>(std::popcount(*bytes));
  return ones;
}

}  // namespace

using TensorIndex = std::map<std::string_view, const TensorView*>;

// Takes one matrix's parts from a file and holds them against each other.
class PackedReader {
 public:
  PackedReader(const std::shared_ptr<const MappedFile>& file, const TensorIndex& tensors, const PackedEntry& entry)
      : tensors_(tensors), file_(*file), matrix_(std::make_shared<PackedMatrix>()) {
    matrix_->name_ = entry.name;
    matrix_->plan_ = entry.plan;
    matrix_->digest_ = entry.digest;
    matrix_->file_ = file;
  }

  PackedMatrixPtr read() {
    PackingPlan& plan = matrix_->plan_;
    if (tensors_.contains(matrix_->name_)) fail("is in the file packed and dense");
    const TensorView& values = part(PackedPart::values);
    plan.dtype = values.dtype;
    if (plan.dtype != DType::f32 && plan.dtype != DType::f16 && plan.dtype != DType::bf16) {
      fail(fmt::format("expected values of F32, F16 or BF16, found {}", safetensors_name(plan.dtype)), values.data);
    }
    plan.stored = plan.nonzeros = static_cast<std::uint64_t>(values.numel());
    matrix_->values_ = {values.data, values.bytes()};
    const auto structure_part = plan.layout.grouped() ? PackedPart::indices : PackedPart::bitmap;
    const TensorView& structure = part(structure_part);
    require_spec(structure, structure_part);
    matrix_->structure_ = {structure.data, structure.bytes()};
    matrix_->row_starts_ = AlignedBuffer<std::uint64_t>(static_cast<std::size_t>(plan.rows) + 1);
    plan.layout.grouped() ? read_grouped(values) : read_bitmap();
    return matrix_;
  }

 private:
  [[noreturn]] void fail(const std::string& message, const std::byte* where = nullptr) const {
    Error error(ErrorCode::corrupt_file, fmt::format("packed matrix {}: {}", printable(matrix_->name_), message));
    if (where == nullptr) throw error.at(file_.path());
    throw error.at(file_.path(), static_cast<std::uint64_t>(where - file_.bytes().data()));
  }

  const TensorView& part(PackedPart which) const {
    const auto found = tensors_.find(matrix_->name_ + std::string(packed_part_suffix(which)));
    if (found == tensors_.end()) fail(fmt::format("the file lacks its {}", packed_part_suffix(which)));
    return *found->second;
  }

  void require_spec(const TensorView& tensor, PackedPart which) const {
    const TensorSpec expected = packed_part_spec(matrix_->name_, matrix_->plan_, which);
    if (tensor.dtype == expected.dtype && tensor.shape == expected.shape) return;
    fail(fmt::format("expected {} of {} {}, found {} {}", packed_part_suffix(which), safetensors_name(expected.dtype),
                     shape_text(expected.shape), safetensors_name(tensor.dtype), shape_text(tensor.shape)),
         tensor.data);
  }

  // Indices to a bitmap; the error of the first bad row.
  void read_grouped(const TensorView& values) {
    const PackingPlan& plan = matrix_->plan_;
    if (plan.cols % plan.layout.group != 0)
      fail(fmt::format("{} columns are no groups of {}", plan.cols, plan.layout.group));
    const std::int64_t per_row = plan.cols / plan.layout.group * plan.layout.kept;
    if (values.shape != Shape{plan.rows, per_row}) {
      fail(fmt::format("expected values of shape {}, found {}", shape_text(Shape{plan.rows, per_row}),
                       shape_text(values.shape)),
           values.data);
    }
    const auto in_bytes = static_cast<std::size_t>(plan.structure_row_bytes());
    const auto out_bytes = static_cast<std::size_t>((plan.cols + 7) / 8);
    matrix_->bitmap_ = AlignedBuffer<std::uint8_t>(out_bytes * static_cast<std::size_t>(plan.rows));
    const auto* indices = reinterpret_cast<const std::uint8_t*>(matrix_->structure_.data());
    parallel_for(plan.rows, kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        matrix_->row_starts_[r] = r * static_cast<std::size_t>(per_row);
        if (!decode_group_row(plan.layout, plan.cols, {indices + r * in_bytes, in_bytes},
                              {matrix_->bitmap_.data() + r * out_bytes, out_bytes})) {
          fail(fmt::format("row {}: indices do not rise within a group, or end in set bits", r),
               matrix_->structure_.data() + r * in_bytes);
        }
      }
    });
    matrix_->row_starts_[static_cast<std::size_t>(plan.rows)] = plan.stored;
  }

  void read_bitmap() {
    const TensorView& values = part(PackedPart::values);
    if (values.shape.size() != 1) {
      fail(fmt::format("expected values in one row, found shape {}", shape_text(values.shape)), values.data);
    }
    const TensorView& starts = part(PackedPart::row_starts);
    require_spec(starts, PackedPart::row_starts);
    matrix_->starts_ = {starts.data, starts.bytes()};
    count_rows();
    check_starts();
  }

  void count_rows() {
    const PackingPlan& plan = matrix_->plan_;
    const std::int64_t row_bytes = plan.structure_row_bytes();
    const auto* bitmap = reinterpret_cast<const std::uint8_t*>(matrix_->structure_.data());
    parallel_for(plan.rows, kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = begin; r < end; ++r) {
        const std::uint8_t* row = bitmap + r * row_bytes;
        if (plan.cols % 8 != 0 && row[row_bytes - 1] >> (plan.cols % 8) != 0) {
          fail(fmt::format("row {} of the bitmap has bits beyond its {} columns", r, plan.cols),
               matrix_->structure_.data() + (r + 1) * row_bytes - 1);
        }
        matrix_->row_starts_[static_cast<std::size_t>(r) + 1] = ones_of(row, row_bytes);
      }
    });
    matrix_->row_starts_[0] = 0;
    for (std::size_t r = 1; r <= static_cast<std::size_t>(plan.rows); ++r) {
      matrix_->row_starts_[r] += matrix_->row_starts_[r - 1];
    }
  }

  void check_starts() const {
    const auto rows = static_cast<std::size_t>(matrix_->plan_.rows);
    const std::size_t entries = matrix_->starts_.size() / sizeof(std::uint64_t);
    for (std::size_t i = 0; i < entries; ++i) {
      std::uint64_t found = 0;
      const std::byte* at = matrix_->starts_.data() + i * sizeof(found);
      std::memcpy(&found, at, sizeof(found));
      const std::size_t row = std::min(rows, i * static_cast<std::size_t>(kRowsPerStart));
      if (found == matrix_->row_starts_[row]) continue;
      fail(fmt::format("the bitmap has {} ones before row {}, row_starts says {}", matrix_->row_starts_[row], row,
                       found),
           at);
    }
    if (matrix_->row_starts_[rows] != matrix_->plan_.stored) {
      fail(fmt::format("the bitmap has {} ones, the file holds {} values", matrix_->row_starts_[rows],
                       matrix_->plan_.stored),
           matrix_->values_.data());
    }
  }

  const TensorIndex& tensors_;
  const MappedFile& file_;
  std::shared_ptr<PackedMatrix> matrix_;
};

std::vector<PackedMatrixPtr> read_packed(const TensorArchive& archive) {
  std::vector<PackedMatrixPtr> matrices;
  if (!is_packed_archive(archive)) return matrices;
  const auto& path = archive.files.front()->path();
  return guard_allocation(path, [&] {
    TensorIndex tensors;
    for (const auto& tensor : archive.tensors) tensors.emplace(tensor.name, &tensor.view);
    for (const auto& entry : parse_packed_metadata(archive)) {
      matrices.push_back(PackedReader(archive.files.front(), tensors, entry).read());
    }
    return matrices;
  });
}

namespace {

template <typename T, typename Verify>
void verify_all(const std::vector<T>& items, const Verify& verify) {
  parallel_for(std::ssize(items), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) verify(items[static_cast<std::size_t>(i)]);
  });
}

}  // namespace

PackedSet PackedSet::open(const Checkpoint& checkpoint) {
  PackedSet set;
  std::vector<PackedMatrixPtr> all;
  std::vector<CarriedTensor> carried;
  for (const auto& shard : checkpoint.shards()) {
    for (auto& matrix : read_packed(shard)) {
      if (!set.matrices_.emplace(matrix->name(), matrix).second || checkpoint.find(matrix->name()) != nullptr) {
        throw Error(ErrorCode::corrupt_file,
                    fmt::format("packed matrix {} is in the model twice", printable(matrix->name())))
            .at(shard.files.front()->path());
      }
      all.push_back(std::move(matrix));
    }
    for (auto& tensor : carried_tensors(shard)) carried.push_back(std::move(tensor));
  }
  verify_all(all, [](const auto& matrix) { matrix->verify(); });
  verify_all(carried, verify_carried);
  if (!all.empty() || !carried.empty()) checkpoint.check_intact();
  return set;
}

PackedMatrixPtr PackedSet::find(const std::string& name) const {
  const auto found = matrices_.find(name);
  return found == matrices_.end() ? nullptr : found->second;
}

}  // namespace lacuna

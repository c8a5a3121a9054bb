#include "lacuna/kernels/sparse_gemv/column_packer.hpp"

#include <algorithm>
#include <cstring>

#include "lacuna/kernels/compress/compress.hpp"
#include "lacuna/kernels/transpose/transpose.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kTall = 3072;     // half of the lists of 256 such columns are 768 KiB
constexpr std::int64_t kStridePad = 32;  // elements: lists of 2,048 would all begin on the same sets of the cache

}  // namespace

ColumnPacker::ColumnPacker(std::int64_t rows, std::int64_t cols, std::uint64_t stored)
    : height_((rows + kTile - 1) / kTile * kTile),
      strip_cols_(height_ > kTall ? kMostStrip / 2 : kMostStrip),
      list_stride_(height_ + kSurplus + kStridePad),
      lists_(static_cast<std::size_t>(strip_cols_ * list_stride_)),
      words_(static_cast<std::size_t>(strip_cols_ * (height_ / 64))),
      tile_(static_cast<std::size_t>(kTile * kTile)),
      ends_(static_cast<std::size_t>(strip_cols_)),
      data_(static_cast<std::size_t>(height_ / 8 * cols) + stored * 2 + kReadable),
      starts_(static_cast<std::size_t>(cols) + 1) {
  begin_strip();
}

void ColumnPacker::begin_strip() {
  for (std::int64_t j = 0; j < strip_cols_; ++j) ends_[static_cast<std::size_t>(j)] = list(j);
}

void ColumnPacker::add(std::int64_t row, MatrixView<const std::uint16_t> tile) {
  const std::int64_t n_words = height_ / 64;
  if (tile.rows < kTile) std::fill(tile_.begin(), tile_.end(), std::uint16_t{0});
  for (std::int64_t j = 0; j < tile.cols; j += kTile) {
    const std::int64_t n_cols = std::min(kTile, tile.cols - j);
    transpose(tile.block(0, tile.rows, j, n_cols), MatrixView<std::uint16_t>(tile_.data(), n_cols, tile.rows, kTile));
    auto* words = reinterpret_cast<std::byte*>(words_.data() + j * n_words + row / 64);
    compress_each(tile_.data(), n_cols, words, n_words * 8, ends_.data() + j);
  }
}

void ColumnPacker::write_strip(std::int64_t col, std::int64_t n_cols) {
  const auto bitmap_bytes = static_cast<std::size_t>(height_ / 8);
  std::byte* out = data_.data() + starts_[static_cast<std::size_t>(col)];
  for (std::int64_t j = 0; j < n_cols; ++j) {
    const auto bytes = static_cast<std::size_t>(ends_[static_cast<std::size_t>(j)] - list(j));
    std::memcpy(out, words_.data() + j * (height_ / 64), bitmap_bytes);
    std::memcpy(out + bitmap_bytes, list(j), bytes);
    out += bitmap_bytes + bytes;
    starts_[static_cast<std::size_t>(col + j) + 1] = static_cast<std::uint64_t>(out - data_.data());
  }
  begin_strip();
}

// Takes less memory where zeros were among what was stored.
void ColumnPacker::finish(AlignedBuffer<std::byte>& data, std::vector<std::uint64_t>& starts) {
  const std::size_t bytes = starts_.back();
  if (bytes + kReadable < data_.size()) {
    AlignedBuffer<std::byte> fitting(bytes + kReadable);
    std::memcpy(fitting.data(), data_.data(), bytes);
    data_ = std::move(fitting);
  }
  std::memset(data_.data() + bytes, 0, kReadable);
  data = std::move(data_);
  starts = std::move(starts_);
}

}  // namespace lacuna::kernels

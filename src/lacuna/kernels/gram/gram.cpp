#include "lacuna/kernels/gram/gram.hpp"

#include <algorithm>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gemm/onednn.hpp"

namespace lacuna::kernels {
namespace {

// README.md has the figures behind these.
constexpr std::int64_t kLargestTileRows = 128;
constexpr std::int64_t kTileColumns = 512;
constexpr std::int64_t kTerms = 256;  // products summed in f32

struct Tile {
  std::int64_t row, rows, column, columns;
};

// Strips of rows, each from its diagonal block on, cut into tiles that stay in a core's cache. Wide ones (first strips)
// and narrow ones (last) alternate, so that every part of the list is the same amount of work.
std::vector<Tile> upper_tiles(std::int64_t n) {
  const std::int64_t tile_rows = n <= 2048 ? 64 : kLargestTileRows;
  std::vector<Tile> tiles;
  for (std::int64_t row = 0; row < n; row += tile_rows) {
    for (auto column = row; column < n; column += kTileColumns) {
      tiles.push_back({row, std::min(tile_rows, n - row), column, std::min(kTileColumns, n - column)});
    }
  }
  std::vector<Tile> order;
  order.reserve(tiles.size());
  for (std::size_t i = 0; i < tiles.size(); ++i) order.push_back(tiles[i % 2 == 0 ? i / 2 : tiles.size() - 1 - i / 2]);
  return order;
}

class TileSum {
 public:
  TileSum() : products_(kLargestTileRows * kTileColumns), sums_(kLargestTileRows * kTileColumns) {}

  void add_to(MatrixView<float> gram, MatrixView<const float> x, const Tile& tile, float alpha, float beta) {
    const auto size = static_cast<std::size_t>(tile.rows * tile.columns);
    const MatrixView<float> products(products_.data(), tile.rows, tile.columns);
    std::fill_n(sums_.data(), size, 0.0);
    for (std::int64_t first = 0; first < x.rows; first += kTerms) {
      const auto terms = std::min(kTerms, x.rows - first);
      onednn::sgemm_tn(x.block(first, terms, tile.row, tile.rows), x.block(first, terms, tile.column, tile.columns),
                       products, 1.0F, 0.0F);
      for (std::size_t i = 0; i < size; ++i) sums_[i] += static_cast<double>(products_[i]);
    }
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      float* target = gram.row(tile.row + r) + tile.column;
      const double* sums = sums_.data() + r * tile.columns;
      for (std::int64_t c = 0; c < tile.columns; ++c) {
        const double old = beta == 0.0F ? 0.0 : static_cast<double>(beta) * static_cast<double>(target[c]);
        target[c] = static_cast<float>(old + static_cast<double>(alpha) * sums[c]);
      }
    }
  }

 private:
  AlignedBuffer<float> products_;
  AlignedBuffer<double> sums_;
};

// Copies one tile of the upper triangle, transposed, into the lower one. Tiles of 32×32 keep both sides in L1.
void mirror_tile(MatrixView<float> square, std::int64_t row0, std::int64_t col0, std::int64_t tile) {
  const std::int64_t row_end = std::min(row0 + tile, square.rows);
  const std::int64_t col_end = std::min(col0 + tile, square.cols);
  for (std::int64_t r = row0; r < row_end; ++r) {
    float* target = square.row(r);
    for (std::int64_t c = col0; c < std::min(col_end, r); ++c) target[c] = square(c, r);
  }
}

}  // namespace

void gram_update_upper(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  LACUNA_ASSERT(gram.rows == gram.cols && gram.rows == x.cols);
  const auto tiles = upper_tiles(gram.rows);
  parallel_for(static_cast<std::int64_t>(tiles.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    TileSum sum;
    for (auto i = begin; i < end; ++i) sum.add_to(gram, x, tiles[static_cast<std::size_t>(i)], alpha, beta);
  });
}

void mirror_upper(MatrixView<float> square) {
  LACUNA_ASSERT(square.rows == square.cols);
  constexpr std::int64_t kEdge = 32;
  const std::int64_t tiles = (square.rows + kEdge - 1) / kEdge;
  // Row of tiles i holds i + 1 of them: pairing i with its opposite gives every thread the same amount. (The middle row
  // of an odd number is its own opposite and is copied twice.)
  parallel_for((tiles + 1) / 2, 4, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      for (const std::int64_t row : {i, tiles - 1 - i}) {
        for (std::int64_t col = 0; col <= row; ++col) mirror_tile(square, row * kEdge, col * kEdge, kEdge);
      }
    }
  });
}

void gram_update(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  gram_update_upper(x, gram, alpha, beta);
  mirror_upper(gram);
}

}  // namespace lacuna::kernels

// Keys and values of the positions a generation has passed, for every layer.
//
// Memory  2 · layers · capacity · kv_heads · head_dim · 4 bytes, allocated at construction.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/model/config.hpp"

namespace lacuna {

class KvCache {
 public:
  KvCache(const DecoderConfig& config, std::int64_t capacity);  // throws Error{out_of_memory}

  std::int64_t length() const { return length_; }
  std::int64_t capacity() const { return capacity_; }
  void advance(std::int64_t positions) { length_ += positions; }

  MatrixView<float> keys(std::int64_t layer) { return keys_[static_cast<std::size_t>(layer)].view(); }
  MatrixView<float> values(std::int64_t layer) { return values_[static_cast<std::size_t>(layer)].view(); }

 private:
  std::int64_t capacity_;
  std::int64_t length_ = 0;
  std::vector<Matrix<float>> keys_;  // capacity×kv_size per layer
  std::vector<Matrix<float>> values_;
};

}  // namespace lacuna

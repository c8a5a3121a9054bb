// Whole .npy files as vectors, for golden values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "lacuna/formats/npy.hpp"

namespace lacuna::test {

template <typename T>
std::vector<T> read_npy_values(const std::filesystem::path& path, DType expected) {
  const TensorArchive archive = read_npy(path);
  const TensorView& view = archive.tensors.at(0).view;
  if (view.dtype != expected) throw std::runtime_error("unexpected dtype: " + path.string());
  std::vector<T> values(static_cast<std::size_t>(view.numel()));
  copy_contiguous(view, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

inline std::vector<std::int32_t> read_npy_i32(const std::filesystem::path& path) {
  return read_npy_values<std::int32_t>(path, DType::i32);
}
inline std::vector<float> read_npy_f32(const std::filesystem::path& path) {
  return read_npy_values<float>(path, DType::f32);
}

}  // namespace lacuna::test

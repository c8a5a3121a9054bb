// Seeded values of any floating type, on the host and on a device, and the fixture of tests that need a device.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::test {

class Values {
 public:
  Values(DType dtype, std::int64_t n)
      : dtype_(dtype), size_(n), bytes_(static_cast<std::size_t>(n) * dtype_bytes(dtype)) {}
  Values(DType dtype, std::int64_t n, std::uint64_t seed) : Values(dtype, n) {  // normal
    Random random(seed);
    for (std::int64_t i = 0; i < n; ++i) set(i, random.normal());
  }

  std::int64_t size() const { return size_; }
  DType dtype() const { return dtype_; }
  std::byte* data() { return bytes_.data(); }
  const std::byte* data() const { return bytes_.data(); }
  std::size_t n_bytes() const { return bytes_.size(); }
  bool operator==(const Values& other) const { return bytes_ == other.bytes_; }

  double at(std::int64_t i) const {
    if (dtype_ == DType::f32) return load<float>(i);
    return dtype_ == DType::f16 ? f16_to_f32(load<std::uint16_t>(i)) : bf16_to_f32(load<std::uint16_t>(i));
  }
  void set(std::int64_t i, double value) {
    const auto narrow = static_cast<float>(value);
    if (dtype_ == DType::f32) return store(i, narrow);
    store(i, dtype_ == DType::f16 ? f32_to_f16(narrow) : f32_to_bf16(narrow));
  }

 private:
  template <typename T>
  T load(std::int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }
  template <typename T>
  void store(std::int64_t i, T value) {
    std::memcpy(bytes_.data() + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
  }

  DType dtype_;
  std::int64_t size_;
  std::vector<std::byte> bytes_;
};

// Device memory `misalign` elements behind an aligned address; poisoned with NaN where nothing was copied, so that a
// result that was not written, or an element read beyond the end, shows.
class DeviceValues {
 public:
  DeviceValues(DType dtype, std::int64_t n, std::int64_t misalign)
      : dtype_(dtype), size_(n), offset_(static_cast<std::size_t>(misalign) * dtype_bytes(dtype)) {
    buffer_ = kernels::DeviceBuffer(static_cast<std::size_t>(n) * dtype_bytes(dtype) + offset_ + kGuard);
    buffer_.fill(0xff);
  }
  DeviceValues(const Values& host, std::int64_t misalign) : DeviceValues(host.dtype(), host.size(), misalign) {
    buffer_.upload(host.data(), host.n_bytes(), offset_);
  }

  const std::byte* data() const { return buffer_.data() + offset_; }
  std::byte* data() { return buffer_.data() + offset_; }
  Values download() const {
    Values host(dtype_, size_);
    kernels::synchronize_device();
    buffer_.download(host.data(), host.n_bytes(), offset_);
    std::vector<unsigned char> guard(kGuard);
    buffer_.download(guard.data(), kGuard, offset_ + host.n_bytes());
    for (const unsigned char byte : guard) EXPECT_EQ(byte, 0xff) << "written beyond the end";
    return host;
  }

 private:
  static constexpr std::size_t kGuard = 64;
  DType dtype_;
  std::int64_t size_;
  std::size_t offset_;
  kernels::DeviceBuffer buffer_;
};

// LACUNA_REQUIRE_DEVICE in the environment makes a missing device a failure.
class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kernels::device_info()) return;
    if (std::getenv("LACUNA_REQUIRE_DEVICE") != nullptr) FAIL() << "no CUDA device";
    GTEST_SKIP() << "no CUDA device";
  }
};

}  // namespace lacuna::test

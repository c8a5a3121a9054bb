// SHA-256 digests, for provenance records and `lacuna verify`.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lacuna {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  std::string hex();  // 64 lower-case hexadecimal digits; the object cannot be updated afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace lacuna

#include "mutation.hpp"

#include <algorithm>
#include <cstdlib>

namespace lacuna::test {

std::string mutate(std::string bytes, Random& rng, std::size_t head) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(rng.below(n)); };
  const std::size_t changes = 1 + below(2);
  for (std::size_t i = 0; i < changes && bytes.size() > 8; ++i) {
    const std::size_t at = below(2) == 0 ? below(bytes.size()) : below(std::min(bytes.size(), head));
    const std::size_t length = std::min(1 + below(8), bytes.size() - at);
    switch (below(6)) {
      case 0: bytes[at] = static_cast<char>(rng.next()); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 2: bytes[at] = static_cast<char>(bytes[at] + 1); break;
      case 3: bytes.erase(at, length); break;
      case 4: bytes.insert(at, bytes.substr(at, length)); break;
      default: bytes.replace(below(bytes.size() - length + 1), length, bytes.substr(at, length)); break;
    }
  }
  return bytes;
}

int mutation_count(int usual) {
  const char* wanted = std::getenv("LACUNA_MUTATIONS");
  return wanted != nullptr ? std::atoi(wanted) : usual;
}

}  // namespace lacuna::test

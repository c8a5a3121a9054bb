// Pickles assembled by hand, for tests: each function returns the bytes of one opcode or of a common run of them.
#pragma once

#include <cstdint>
#include <string>

namespace lacuna::test::pickle {

inline std::string little(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
  return out;
}

inline std::string proto(int version = 2) { return {'\x80', static_cast<char>(version)}; }
inline std::string text(const std::string& value) { return "X" + little(value.size(), 4) + value; }
inline std::string integer(std::int64_t value) { return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string stack_global(const std::string& module, const std::string& name) {
  return text(module) + text(name) + "\x93";
}
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }

// ('storage', torch.<type>, key, 'cpu', numel) and BINPERSID.
inline std::string storage(const std::string& type, const std::string& key, std::int64_t numel,
                           const std::string& more = "") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + integer(numel) + more) + "Q";
}

// _rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict()); size and stride are the items of tuples.
inline std::string tensor(const std::string& from, std::int64_t offset, const std::string& size,
                          const std::string& stride) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(from + integer(offset) + tuple(size) + tuple(stride) + "\x89" + ordered_dict()) + "R";
}

// A float vector of storage '0' with n elements.
inline std::string vector(std::int64_t n, const std::string& more = "") {
  return tensor(storage("FloatStorage", "0", n, more), 0, integer(n), integer(1));
}

}  // namespace lacuna::test::pickle

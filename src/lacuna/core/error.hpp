// The one exception type of the library.
//
// A message says what happened, where, what was expected and what was found. The code is stable (error_codes.def);
// applications map it to an exit status, an HTTP status or a Python exception. Context is optional: the file, the byte
// offset inside it, and a hint that tells the user what to do next.
//
// Threads  an Error is an ordinary value; throwing is safe anywhere. OpenMP regions must not let one escape.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

enum class ErrorCode {
#define X(enumerator, id, exit_status, title, explanation) enumerator,
#include "lacuna/core/error_codes.def"
#undef X
};

struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view id;  // "E0301"
  int exit_status;
  std::string_view title;
  std::string_view explanation;
};

const ErrorCodeInfo& error_code_info(ErrorCode code);
const std::vector<ErrorCodeInfo>& all_error_codes();
std::optional<ErrorCodeInfo> find_error_code(std::string_view id);  // case-insensitive

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) { compose(); }

  Error& at(std::filesystem::path path, std::optional<std::uint64_t> byte_offset = {});
  Error& hint(std::string text);

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }  // without path and offset
  const std::filesystem::path& path() const noexcept { return path_; }
  std::optional<std::uint64_t> byte_offset() const noexcept { return byte_offset_; }
  const std::string& hint() const noexcept { return hint_; }
  const char* what() const noexcept override { return what_.c_str(); }  // "path at byte N: message"

 private:
  void compose();

  ErrorCode code_;
  std::string message_;
  std::filesystem::path path_;
  std::optional<std::uint64_t> byte_offset_;
  std::string hint_;
  std::string what_;
};

// The Error for an errno value: picks not_found, permission_denied, no_space or io_failed.
Error errno_error(int errno_value, std::string_view action, const std::filesystem::path& path);

}  // namespace lacuna

// A programmer's error, never reachable from input. Active unless NDEBUG.
#ifdef NDEBUG
#define LACUNA_ASSERT(condition) ((void)0)
#else
#define LACUNA_ASSERT(condition) \
  ((condition) ? (void)0 : throw ::lacuna::Error(::lacuna::ErrorCode::internal, "assertion failed: " #condition))
#endif

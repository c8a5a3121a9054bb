#include "lacuna/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace lacuna {

const std::vector<ErrorCodeInfo>& all_error_codes() {
  static const std::vector<ErrorCodeInfo> table = {
#define X(enumerator, id, exit_status, title, explanation) {ErrorCode::enumerator, id, exit_status, title, explanation},
#include "lacuna/core/error_codes.def"
#undef X
  };
  return table;
}

const ErrorCodeInfo& error_code_info(ErrorCode code) { return all_error_codes()[static_cast<std::size_t>(code)]; }

std::optional<ErrorCodeInfo> find_error_code(std::string_view id) {
  const auto same = [&](const ErrorCodeInfo& info) {
    return std::equal(id.begin(), id.end(), info.id.begin(), info.id.end(),
                      [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
  };
  const auto& table = all_error_codes();
  const auto found = std::find_if(table.begin(), table.end(), same);
  if (found == table.end()) return std::nullopt;
  return *found;
}

Error& Error::at(std::filesystem::path path, std::optional<std::uint64_t> byte_offset) {
  path_ = std::move(path);
  byte_offset_ = byte_offset;
  compose();
  return *this;
}

Error& Error::hint(std::string text) {
  hint_ = std::move(text);
  return *this;
}

void Error::compose() {
  if (path_.empty()) {
    what_ = message_;
  } else if (byte_offset_) {
    what_ = fmt::format("{} at byte {}: {}", path_.string(), *byte_offset_, message_);
  } else {
    what_ = fmt::format("{}: {}", path_.string(), message_);
  }
}

Error errno_error(int errno_value, std::string_view action, const std::filesystem::path& path) {
  auto code = ErrorCode::io_failed;
  if (errno_value == ENOENT || errno_value == ENOTDIR) code = ErrorCode::not_found;
  if (errno_value == EACCES || errno_value == EPERM || errno_value == EROFS) code = ErrorCode::permission_denied;
  if (errno_value == ENOSPC || errno_value == EDQUOT) code = ErrorCode::no_space;
  Error error(code, fmt::format("cannot {}: {}", action, std::strerror(errno_value)));
  error.at(path);
  return error;
}

}  // namespace lacuna

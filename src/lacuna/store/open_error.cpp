#include "lacuna/store/open_error.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>

namespace lacuna {
namespace {

bool says(std::string_view words, std::initializer_list<std::string_view> phrases) {
  for (const auto phrase : phrases) {
    if (words.find(phrase) != std::string_view::npos) return true;
  }
  return false;
}

std::string first_line(std::string_view words) { return std::string(words.substr(0, words.find('\n'))); }

// "1234" out of "… (PID 1234) …"; empty when DuckDB does not know who holds the lock.
std::string_view holder_pid(std::string_view words) {
  const auto begin = words.find("(PID ");
  if (begin == std::string_view::npos) return {};
  const auto digits = words.substr(begin + 5);
  return digits.substr(0, digits.find_first_not_of("0123456789"));
}

Error locked_error(std::string_view words) {
  const auto pid = holder_pid(words);
  const std::string who = pid.empty() ? "another process" : fmt::format("the process with PID {}", pid);
  return Error(ErrorCode::store_locked, "the database is in use by " + who)
      .hint("wait for it, stop it, or use another file with --db");
}

}  // namespace

void require_openable(const std::filesystem::path& path, bool writing) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    if (!writing) throw Error(ErrorCode::not_found, "no such database").at(path);
    return;
  }
  if (std::filesystem::is_directory(status)) {
    throw Error(ErrorCode::not_a_store, "expected a database file, found a folder").at(path);
  }
  std::ifstream file(path, std::ios::binary);
  std::array<char, 12> head{};
  if (!file) return;  // DuckDB will say why it cannot be opened
  file.read(head.data(), head.size());
  if (file.gcount() < 12 || std::string_view(head.data() + 8, 4) != "DUCK") {
    throw Error(ErrorCode::not_a_store, "expected a DuckDB database (\"DUCK\" at byte 8), found something else")
        .at(path, 8);
  }
}

Error open_error(std::string_view words, const std::filesystem::path& path) {
  if (says(words, {"Could not set lock", "Conflicting lock"})) return locked_error(words).at(path);
  if (says(words, {"Permission denied"})) return Error(ErrorCode::permission_denied, first_line(words)).at(path);
  if (says(words, {"No space left"})) return Error(ErrorCode::no_space, first_line(words)).at(path);
  if (says(words, {"No such file or directory"})) return Error(ErrorCode::not_found, first_line(words)).at(path);
  if (says(words, {"version number", "newer version", "storage version"})) {
    return Error(ErrorCode::store_version, first_line(words)).at(path);
  }
  return Error(ErrorCode::not_a_store, "DuckDB cannot read the file: " + first_line(words)).at(path);
}

Error statement_error(std::string_view words, const std::filesystem::path& path) {
  const std::string text(words.empty() ? "DuckDB gives no reason" : words);
  if (says(words, {"INTERRUPT"})) return Error(ErrorCode::interrupted, "the statement was interrupted").at(path);
  if (says(words, {"No space left"})) return Error(ErrorCode::no_space, first_line(words)).at(path);
  if (words.starts_with("Out of Memory Error")) return Error(ErrorCode::out_of_memory, first_line(words)).at(path);
  if (says(words, {"file system operations are disabled", "configuration has been locked",
                   "disabled through configuration"})) {
    return Error(ErrorCode::store_failed, text)
        .at(path)
        .hint("queries run locked down: they read this database and nothing else");
  }
  return Error(ErrorCode::store_failed, text).at(path);
}

}  // namespace lacuna

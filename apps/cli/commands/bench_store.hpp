// Where a benchmark records what it has measured, as soon as each part of it is done.
//
//   BenchStore store(file);                      // before the work
//   store.keep(records);                         // after each shape
//   catch (Error& error) { store.end_early(error, "shape", 3, "…"); throw; }
//
// A database that is there is held until the end, so that nobody else's writing can refuse a result; one that is not is
// made with the first result.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"

namespace lacuna::cli {

class BenchStore {
 public:
  explicit BenchStore(std::filesystem::path file);  // empty: counts, and records nothing

  // One record set, on the disk when it returns.
  void keep(const std::vector<BenchmarkRecord>& records);
  std::size_t kept() const { return kept_; }
  bool wanted() const { return !file_.empty(); }
  const std::filesystem::path& file() const { return file_; }

  // Where an error ends the run: closes the database while the error is caught (DuckDB leaves its log beside a file
  // that it closes during unwinding), and says in the error's hint what is kept, unless it has one of its own. `part`:
  // "shape"; `all`: how many there were to be, 0 where nobody knows; `then`: what can be done with what is recorded.
  void end_early(Error& error, const std::string& part, std::size_t all, const std::string& then);

 private:
  std::filesystem::path file_;
  std::optional<Database> database_;
  std::size_t kept_ = 0;
};

}  // namespace lacuna::cli

// Any store as a ResultSource, whatever its version; the file is never changed.
//
// A store of the current version is opened read-only. An older one is copied to a temporary folder and migrated there.
//
// Errors   as query_store(): Error{not_found, not_a_store, store_version, store_locked}; Error{no_space, io_failed}:
//          the copy.
#pragma once

#include <filesystem>
#include <memory>

#include "lacuna/study/records.hpp"

namespace lacuna {

class StoreReader {
 public:
  explicit StoreReader(const std::filesystem::path& path);
  ~StoreReader();
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;

  ResultSource& source();
  int version() const;  // as found in the file

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lacuna

#include "lacuna/store/store_reader.hpp"

#include <cstdlib>

#include "lacuna/core/error.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/store/schema.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

int found_version(const fs::path& path) {
  Connection connection(path, StoreAccess::read);
  require_schema(connection);
  return schema_version(connection);
}

// Removed with all that is in it.
class CopyFolder {
 public:
  CopyFolder() {
    std::string pattern = (fs::temp_directory_path() / "lacuna-store-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw errno_error(errno, "create a temporary folder", pattern);
    path_ = pattern;
  }
  ~CopyFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  CopyFolder(const CopyFolder&) = delete;
  CopyFolder& operator=(const CopyFolder&) = delete;

  fs::path copy(const fs::path& file) const {
    const auto target = path_ / "store.db";
    std::error_code failure;
    fs::copy_file(file, target, failure);
    if (failure) throw errno_error(failure.value(), "copy", file);
    fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write, failure);
    return target;
  }

 private:
  fs::path path_;
};

}  // namespace

struct StoreReader::State {
  int version = 0;
  std::unique_ptr<CopyFolder> folder;  // outlives the database in it
  std::unique_ptr<Database> database;
};

StoreReader::StoreReader(const fs::path& path) : state_(std::make_unique<State>()) {
  state_->version = found_version(path);
  if (state_->version == kSchemaVersion) {
    state_->database.reset(new Database(path, Database::Reading{}));
    return;
  }
  state_->folder = std::make_unique<CopyFolder>();
  state_->database = std::make_unique<Database>(state_->folder->copy(path));
}

StoreReader::~StoreReader() = default;

ResultSource& StoreReader::source() { return *state_->database; }

int StoreReader::version() const { return state_->version; }

}  // namespace lacuna

#include "bench_store.hpp"

#include <fmt/format.h>

namespace lacuna::cli {

BenchStore::BenchStore(std::filesystem::path file) : file_(std::move(file)) {
  if (wanted() && std::filesystem::exists(file_)) database_.emplace(file_);
}

void BenchStore::keep(const std::vector<BenchmarkRecord>& records) {
  if (wanted()) {
    if (!database_) database_.emplace(file_);
    RecordSet set(*database_);
    database_->write(records);
    set.commit();
  }
  ++kept_;
}

void BenchStore::end_early(Error& error, const std::string& part, std::size_t all, const std::string& then) {
  database_.reset();
  if (!error.hint().empty() || (kept_ == 0 && error.code() != ErrorCode::interrupted)) return;
  const std::string parts = fmt::format("{}{} {}{}", kept_, all == 0 ? "" : fmt::format(" of {}", all), part,
                                        (all == 0 ? kept_ : all) == 1 ? "" : "s");
  if (!wanted()) {
    error.hint(fmt::format("{} measured; without --db FILE nothing is recorded", parts));
  } else {
    error.hint(fmt::format("{} recorded in {}{}", parts, file_.string(), kept_ == 0 ? "" : then));
  }
}

}  // namespace lacuna::cli

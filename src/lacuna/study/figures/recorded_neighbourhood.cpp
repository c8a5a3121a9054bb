#include "lacuna/study/figures/recorded_neighbourhood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lacuna {
namespace {

constexpr std::int64_t kMaxRows = std::int64_t{1} << 24;
constexpr std::int64_t kMaxPatternBits = std::int64_t{1} << 28;

RecordedRun read_run(const JsonFields& fields) {
  RecordedRun run;
  run.k = fields.integer("k", 1, kAnyCount);
  run.seed = fields.integer("seed", 0, kAnyCount);
  run.feature = fields.integer("feature", 0, kAnyCount);
  run.indices = fields.integers("indices", 0, kAnyCount);
  run.labels = fields.integers("labels", 0, run.k - 1);
  run.sizes = fields.integers("sizes", 0, kAnyCount);
  if (run.labels.size() != run.indices.size()) {
    throw Error(ErrorCode::corrupt_file, fmt::format("{}: expected {} labels, got {}", fields.path("labels"),
                                                     run.indices.size(), run.labels.size()));
  }
  if (static_cast<std::int64_t>(run.sizes.size()) != run.k) {
    throw Error(ErrorCode::corrupt_file,
                fmt::format("{}: expected {} sizes, got {}", fields.path("sizes"), run.k, run.sizes.size()));
  }
  return run;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::vector<bool> read_bits(const std::string& hex, std::int64_t rows, const std::string& where) {
  const auto expected = static_cast<std::size_t>((rows + 7) / 8 * 2);
  const bool good =
      hex.size() == expected && std::all_of(hex.begin(), hex.end(), [](char c) { return digit_of(c) >= 0; });
  if (!good) JsonFields::wrong(where, fmt::format("{} digits 0-9, a-f", expected), hex);
  std::vector<bool> bits(static_cast<std::size_t>(rows));
  for (std::size_t r = 0; r < bits.size(); ++r) bits[r] = ((digit_of(hex[r / 4]) >> (3 - r % 4)) & 1) != 0;
  return bits;
}

}  // namespace

std::vector<RecordedRun> recorded_runs(const JsonFields& document) {
  std::vector<RecordedRun> runs;
  for (const auto& fields : document.objects("runs")) runs.push_back(read_run(fields));
  if (runs.empty()) throw Error(ErrorCode::corrupt_file, "runs: expected one at least, got none");
  return runs;
}

const RecordedRun& chosen_run(const std::vector<RecordedRun>& runs, const FigureOptions& options) {
  const auto k = options.k.value_or(runs.front().k);
  std::int64_t seen = 0;
  for (const auto& run : runs) {
    if (run.k == k && seen++ == options.run) return run;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("run {} with k = {}: the document holds {} with this k", options.run, k, seen));
}

std::vector<std::size_t> by_cluster(const RecordedRun& run) {
  std::vector<std::size_t> order(run.indices.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return run.labels[a] < run.labels[b]; });
  return order;
}

RecordedPatterns recorded_patterns(const JsonFields& document, const std::vector<std::int64_t>& features) {
  if (!document.has("patterns")) {
    throw Error(ErrorCode::invalid_argument, "the document holds no patterns")
        .hint("add --patterns to the command that prints it");
  }
  const auto fields = document.object("patterns");
  RecordedPatterns patterns;
  patterns.rows = fields.integer("rows", 0, kMaxRows);
  if (patterns.rows * static_cast<std::int64_t>(features.size()) > kMaxPatternBits) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("patterns: expected at most {} bits, got {} × {}",
                                                       kMaxPatternBits, features.size(), patterns.rows));
  }
  const auto packed = fields.object("packbits");
  for (const auto feature : features) {
    const std::string key = std::to_string(feature);
    patterns.kept.push_back(read_bits(packed.text(key.c_str()), patterns.rows, packed.path(key)));
  }
  return patterns;
}

}  // namespace lacuna

#include "lacuna/store/feature_rows.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/store/appender.hpp"

namespace lacuna {
namespace {

constexpr std::array<duckdb_type, 5> kColumnTypes = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_DOUBLE,
                                                     DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_DOUBLE};

class FeatureChunk {
 public:
  FeatureChunk() {
    std::array<duckdb_logical_type, kColumnTypes.size()> types{};
    for (std::size_t i = 0; i < types.size(); ++i) types[i] = duckdb_create_logical_type(kColumnTypes[i]);
    chunk_ = duckdb_create_data_chunk(types.data(), types.size());
    for (auto& type : types) duckdb_destroy_logical_type(&type);
  }
  ~FeatureChunk() { duckdb_destroy_data_chunk(&chunk_); }
  FeatureChunk(const FeatureChunk&) = delete;
  FeatureChunk& operator=(const FeatureChunk&) = delete;

  template <typename T>
  T* column(idx_t index) {
    return static_cast<T*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_, index)));
  }

  duckdb_data_chunk fill(std::int64_t comparison_id, const FeatureMetrics& features, std::size_t begin, std::size_t n) {
    duckdb_data_chunk_reset(chunk_);
    std::fill_n(column<std::int64_t>(0), n, comparison_id);
    std::iota(column<std::int32_t>(1), column<std::int32_t>(1) + n, static_cast<std::int32_t>(begin));
    std::memcpy(column<double>(2), features.jaccard.data() + begin, n * sizeof(double));
    std::memcpy(column<double>(3), features.cosine.data() + begin, n * sizeof(double));
    std::memcpy(column<double>(4), features.hamming.data() + begin, n * sizeof(double));
    duckdb_data_chunk_set_size(chunk_, n);
    return chunk_;
  }

 private:
  duckdb_data_chunk chunk_ = nullptr;
};

}  // namespace

void append_features(Connection& connection, std::int64_t comparison_id, const FeatureMetrics& features) {
  const std::size_t n = features.jaccard.size();
  if (features.cosine.size() != n || features.hamming.size() != n || n > INT32_MAX) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("per-feature metrics: expected three vectors of one length below 2^31, got {}, {} and {}",
                            n, features.cosine.size(), features.hamming.size()));
  }
  if (n == 0) return;
  Appender appender(connection, "feature_metrics", {"comparison_id", "feature", "jaccard", "cosine", "hamming"});
  FeatureChunk chunk;
  const std::size_t capacity = duckdb_vector_size();
  for (std::size_t begin = 0; begin < n; begin += capacity) {
    appender.append_chunk(chunk.fill(comparison_id, features, begin, std::min(capacity, n - begin)));
  }
  appender.flush();
}

FeatureMetrics read_features(Connection& connection, std::int64_t comparison_id) {
  Statement select(connection,
                   "SELECT jaccard, cosine, hamming FROM feature_metrics WHERE comparison_id = ? ORDER BY feature");
  const QueryTable table = select.bind(1, comparison_id).run();
  FeatureMetrics features;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    features.jaccard.push_back(std::stod(table.text(r, 0)));
    features.cosine.push_back(std::stod(table.text(r, 1)));
    features.hamming.push_back(std::stod(table.text(r, 2)));
  }
  return features;
}

}  // namespace lacuna

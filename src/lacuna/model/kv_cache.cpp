#include "lacuna/model/kv_cache.hpp"

namespace lacuna {

KvCache::KvCache(const DecoderConfig& config, std::int64_t capacity) : capacity_(capacity) {
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    keys_.emplace_back(capacity, config.kv_size());
    values_.emplace_back(capacity, config.kv_size());
  }
}

}  // namespace lacuna

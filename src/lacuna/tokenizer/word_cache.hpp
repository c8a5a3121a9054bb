// Remembers the ids of words that were encoded before.
//
// Words up to 64 bytes are kept until the cache holds 2^16 of them; then it starts afresh, so that memory stays bounded
// and a change of subject is followed.
// Threads  not safe; one cache per encoding call, handed on through WordCachePool.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class WordCache {
 public:
  static constexpr std::size_t kMaxWordBytes = 64;

  WordCache();
  // The ids of `word`, or null when it is not known. Valid until the next store().
  struct Hit {
    const std::int32_t* ids;
    std::size_t n;
  };
  Hit find(std::string_view word);                                       // remembers the place for store()
  void store(std::string_view word, std::span<const std::int32_t> ids);  // after a find() that missed

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t text = 0;  // offset in texts_
    std::uint32_t ids = 0;   // offset in ids_
    std::uint16_t n_bytes = 0;
    std::uint16_t n_ids = 0;
    bool used = false;
  };
  void clear();

  std::vector<Entry> entries_;
  std::string texts_;
  std::vector<std::int32_t> ids_;
  std::size_t n_used_ = 0;
  std::size_t missed_slot_ = 0;
  std::uint64_t missed_hash_ = 0;
};

// Lends caches to encoding calls, so that concurrent calls each have their own and successive ones find it warm.
class WordCachePool {
 public:
  class Lease {
   public:
    Lease(WordCachePool& pool, std::unique_ptr<WordCache> cache) : pool_(pool), cache_(std::move(cache)) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    WordCache& operator*() { return *cache_; }

   private:
    WordCachePool& pool_;
    std::unique_ptr<WordCache> cache_;
  };
  Lease borrow();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace lacuna

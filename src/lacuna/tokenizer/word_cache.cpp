#include "lacuna/tokenizer/word_cache.hpp"

#include <functional>

namespace lacuna {
namespace {

constexpr std::size_t kSlots = 1U << 17U;  // half of them used at most

}  // namespace

WordCache::WordCache() : entries_(kSlots) {}

void WordCache::clear() {
  entries_.assign(kSlots, Entry{});
  texts_.clear();
  ids_.clear();
  n_used_ = 0;
}

WordCache::Hit WordCache::find(std::string_view word) {
  const std::uint64_t hash = std::hash<std::string_view>{}(word);
  std::size_t slot = hash & (kSlots - 1);
  while (entries_[slot].used) {
    const auto& entry = entries_[slot];
    if (entry.hash == hash && std::string_view(texts_).substr(entry.text, entry.n_bytes) == word) {
      return {ids_.data() + entry.ids, entry.n_ids};
    }
    slot = (slot + 1) & (kSlots - 1);
  }
  missed_slot_ = slot;
  missed_hash_ = hash;
  return {nullptr, 0};
}

void WordCache::store(std::string_view word, std::span<const std::int32_t> ids) {
  if (word.size() > kMaxWordBytes || ids.size() > kMaxWordBytes) return;
  if (2 * (n_used_ + 1) > kSlots) {
    clear();
    missed_slot_ = missed_hash_ & (kSlots - 1);
  }
  entries_[missed_slot_] = {missed_hash_,
                            static_cast<std::uint32_t>(texts_.size()),
                            static_cast<std::uint32_t>(ids_.size()),
                            static_cast<std::uint16_t>(word.size()),
                            static_cast<std::uint16_t>(ids.size()),
                            true};
  texts_.append(word);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  ++n_used_;
}

WordCachePool::Lease WordCachePool::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto cache = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(cache)};
    }
  }
  return {*this, std::make_unique<WordCache>()};
}

WordCachePool::Lease::~Lease() {
  const std::lock_guard lock(pool_.mutex_);
  try {
    pool_.idle_.push_back(std::move(cache_));
  } catch (...) {  // no memory for the list: the cache is dropped, which costs only time
  }
}

}  // namespace lacuna

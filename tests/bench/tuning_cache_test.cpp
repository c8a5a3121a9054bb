#include "lacuna/bench/tuning_cache.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

TuningEntry entry(std::int64_t rows, const std::string& choice) {
  return {{"cpu: a", "0.1.0 (x)", "packed", rows, 64, DType::bf16, 10},
          choice,
          {{"dense", 2.0e-3}, {"bitmap", 1.0e-3}},
          "2026-01-01T00:00:00Z"};
}

TEST(TuningCache, RemembersAcrossProcesses) {
  const test::TempFolder folder;
  const auto file = folder.path() / "deep/tuning.json";
  TuningCache cache = TuningCache::open(file);
  EXPECT_TRUE(cache.entries().empty());
  cache.put(entry(128, "dense"));
  cache.put(entry(128, "bitmap"));  // replaces
  cache.save();
  const TuningCache again = TuningCache::open(file);
  ASSERT_EQ(again.entries().size(), 1U);
  const TuningEntry* found = again.find(entry(128, "").key);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->choice, "bitmap");
  ASSERT_EQ(found->candidates.size(), 2U);
  EXPECT_EQ(found->candidates[0].seconds, 2.0e-3);
  EXPECT_FALSE(again.damage());
}

TEST(TuningCache, EveryPartOfTheKeyCounts) {
  const test::TempFolder folder;
  TuningCache cache = TuningCache::open(folder.path() / "t.json");
  const TuningKey key = entry(128, "dense").key;
  cache.put(entry(128, "dense"));
  EXPECT_NE(cache.find(key), nullptr);
  for (int part = 0; part < 8; ++part) {
    TuningKey other = key;
    if (part == 0) other.device = "cpu: b";
    if (part == 1) other.version = "0.2.0 (x)";
    if (part == 2) other.operation = "activation";
    if (part == 3) other.rows = 129;
    if (part == 4) other.cols = 65;
    if (part == 5) other.dtype = DType::f16;
    if (part == 6) other.sparsity_bin = 11;
    if (part == 7) other.input_bin = 1;
    EXPECT_EQ(cache.find(other), nullptr) << part;
  }
}

TEST(TuningCache, KeepsWhatAnotherProcessSaved) {
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  TuningCache first = TuningCache::open(file);
  TuningCache second = TuningCache::open(file);
  first.put(entry(1, "dense"));
  first.save();
  second.put(entry(2, "bitmap"));
  second.save();
  EXPECT_EQ(TuningCache::open(file).entries().size(), 2U);
}

// Without the lock one process would replace what another saved between its reading and its writing.
TEST(TuningCache, ProcessesThatSaveAtOnceLoseNothing) {
  constexpr std::int64_t kProcesses = 6;
  constexpr std::int64_t kEntries = 12;
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  std::vector<pid_t> children;
  for (std::int64_t process = 0; process < kProcesses; ++process) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TuningCache cache = TuningCache::open(file);
      for (std::int64_t i = 0; i < kEntries; ++i) {
        cache.put(entry(1 + process * kEntries + i, "dense"));
        cache.save();
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  EXPECT_EQ(TuningCache::open(file).entries().size(), static_cast<std::size_t>(kProcesses * kEntries));
}

// Random bytes changed, inserted and left out: never a crash, and the next save makes a good file of whatever was
// there.
TEST(TuningCache, IsRebuiltFromAnyDamage) {
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  TuningCache cache = TuningCache::open(file);
  for (std::int64_t rows = 1; rows <= 3; ++rows) cache.put(entry(rows, "bitmap"));
  cache.save();
  const std::string good = read_file(file, 1 << 20);
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      const auto at = static_cast<std::size_t>(random.below(bad.size()));
      const std::uint64_t kind = random.below(3);
      if (kind == 0) bad[at] = static_cast<char>(random.below(256));
      if (kind == 1) bad.erase(at, 1 + random.below(8));
      if (kind == 2) bad.insert(at, 1, static_cast<char>(random.below(256)));
    }
    write_file_atomic(file, bad);
    TuningCache damaged = TuningCache::open(file);
    damaged.put(entry(7, "dense"));
    damaged.save();
    const TuningCache again = TuningCache::open(file);
    ASSERT_FALSE(again.damage()) << i;
    ASSERT_NE(again.find(entry(7, "").key), nullptr) << i;
  }
}

// Cut at every byte, and with every byte changed: an entry is whole and right, or absent.
TEST(TuningCache, DamageCountsAsEmptyAndIsReplaced) {
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  TuningCache cache = TuningCache::open(file);
  cache.put(entry(128, "bitmap"));
  cache.save();
  const std::string good = read_file(file, 1 << 20);
  for (std::size_t i = 0; i + 2 < good.size(); ++i) {
    write_file_atomic(file, good.substr(0, i));
    const TuningCache cut = TuningCache::open(file);
    ASSERT_TRUE(cut.entries().empty()) << i;
    ASSERT_TRUE(cut.damage()) << i;
    std::string changed = good;
    changed[i] = '\xff';
    write_file_atomic(file, changed);
    ASSERT_TRUE(TuningCache::open(file).entries().empty()) << i;
  }
  TuningCache damaged = TuningCache::open(file);
  damaged.put(entry(7, "dense"));
  damaged.save();
  EXPECT_EQ(TuningCache::open(file).entries().size(), 1U);
}

TEST(TuningCache, RefusesEntriesThatContradictThemselves) {
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  const std::pair<const char*, const char*> changes[] = {{"\"choice\": \"bitmap\"", "\"choice\": \"other\""},
                                                         {"\"rows\": 128", "\"rows\": -1"},
                                                         {"\"sparsity_bin\": 10", "\"sparsity_bin\": 20"},
                                                         {"0.001", "-0.001"},
                                                         {"\"dtype\": \"bf16\"", "\"dtype\": \"i8\""},
                                                         {"\"format_version\": 2", "\"format_version\": 1"},
                                                         {"\"name\": \"dense\"", "\"name\": \"lists\""},
                                                         {"\"input_bin\": 0", "\"input_bin\": -1"},
                                                         {"\"input_bin\": 0,", ""}};
  for (const auto& [from, to] : changes) {
    TuningCache::clear(file);
    TuningCache cache = TuningCache::open(file);
    cache.put(entry(128, "bitmap"));
    cache.save();
    std::string text = read_file(file, 1 << 20);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file_atomic(file, text.replace(at, std::string(from).size(), to));
    EXPECT_TRUE(TuningCache::open(file).damage()) << to;
  }
}

TEST(TuningCache, AFolderThatCannotBeMadeIsToldWithWhatHelps) {
  const test::TempFolder folder;
  write_file_atomic(folder.path() / "f", "a file");
  TuningCache cache = TuningCache::open(folder.path() / "f/t.json");
  cache.put(entry(128, "dense"));
  try {
    cache.save();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("create the folder"), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find("LACUNA_CACHE_DIR"), std::string::npos);
  }
}

// As a user other than root, whom permissions do not hold.
TEST(TuningCache, AFolderThatMayNotBeEnteredIsPermissionDenied) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder.path() / "closed");
  const auto file = folder.path() / "closed/t.json";
  std::filesystem::permissions(folder.path() / "closed", std::filesystem::perms::none);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (geteuid() == 0 && seteuid(65534) != 0) _exit(3);
    try {
      (void)TuningCache::open(file);
    } catch (const Error& error) {
      _exit(error.code() == ErrorCode::permission_denied ? 0 : 1);
    } catch (...) {
      _exit(2);
    }
    _exit(1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  std::filesystem::permissions(folder.path() / "closed", std::filesystem::perms::owner_all);
  if (WEXITSTATUS(status) == 3) GTEST_SKIP() << "this process may not become another user";
  EXPECT_EQ(status, 0);
}

TEST(TuningCache, ClearRemovesTheFile) {
  const test::TempFolder folder;
  const auto file = folder.path() / "t.json";
  EXPECT_FALSE(TuningCache::clear(file));
  TuningCache cache = TuningCache::open(file);
  cache.put(entry(128, "dense"));
  cache.save();
  EXPECT_TRUE(TuningCache::clear(file));
  EXPECT_TRUE(TuningCache::open(file).entries().empty());
}

TEST(TuningChoice, TakesTheSimplerOfEquals) {
  EXPECT_EQ(choose_candidate({{"dense", 1.00}, {"bitmap", 0.98}}).name, "dense");
  EXPECT_EQ(choose_candidate({{"dense", 1.00}, {"bitmap", 0.96}}).name, "bitmap");
  EXPECT_EQ(choose_candidate({{"dense", 1.00}, {"bitmap", 0.90}, {"lists", 0.89}}).name, "bitmap");
  EXPECT_EQ(choose_candidate({{"dense", 1.00}}).name, "dense");
}

TEST(TuningChoice, BinsHoldTheirSparsities) {
  EXPECT_EQ(sparsity_bin(0.0), 0);
  EXPECT_EQ(sparsity_bin(0.5), 10);
  EXPECT_EQ(sparsity_bin(0.49999), 9);
  EXPECT_EQ(sparsity_bin(1.0), kSparsityBins - 1);
  for (int bin = 0; bin < kSparsityBins; ++bin) EXPECT_EQ(sparsity_bin(sparsity_of_bin(bin)), bin);
  EXPECT_THROW(sparsity_bin(1.5), Error);
}

}  // namespace
}  // namespace lacuna

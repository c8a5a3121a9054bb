#include "lacuna/bench/tuned_forms.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "lacuna/bench/device_options.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

constexpr const char* kDevice = "cpu: a";

void put(TuningCache& cache, TunedProduct product, BenchShape shape, double sparsity, double dense, double sparse,
         bool steady = true) {
  TuningEntry entry;
  entry.key = tuning_key(kDevice, product, shape, DType::bf16, sparsity);
  entry.candidates = {{"dense", dense}, {product == TunedProduct::packed ? "bitmap" : "columns", sparse}};
  entry.choice = choose_candidate(entry.candidates).name;
  entry.steady = steady;
  cache.put(entry);
}

// A bf16 matrix with `kept` of every 8 elements.
struct PackedLinear {
  std::vector<std::uint16_t> weights;
  Linear linear;

  PackedLinear(std::int64_t rows, std::int64_t cols, int kept) : weights(static_cast<std::size_t>(rows * cols)) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<int>(i * 5 % 8) < kept ? std::uint16_t{0x3f80} : std::uint16_t{0};
    }
    const auto view = make_tensor_view(DType::bf16, {rows, cols}, reinterpret_cast<const std::byte*>(weights.data()));
    linear.spec.rows = rows;
    linear.spec.cols = cols;
    linear.packed = PackedMatrix::pack("w", view);
  }
};

TEST(TunedForms, APackedLinearIsDenseOnlyWhereSteadyTimesSaySo) {
  const PackedLinear half(64, 128, 4);
  ASSERT_NE(half.linear.packed, nullptr);
  TuningCache cache;
  const TunedForms tuned(cache, kDevice);
  EXPECT_FALSE(tuned.dense_is_faster(half.linear));  // nothing is known
  put(cache, TunedProduct::packed, {64, 128}, 0.5, 1.0, 1.2);
  EXPECT_TRUE(tuned.dense_is_faster(half.linear));
  EXPECT_FALSE(TunedForms(cache, "cpu: b").dense_is_faster(half.linear));
  put(cache, TunedProduct::packed, {64, 128}, 0.5, 1.0, 1.2, false);
  EXPECT_FALSE(tuned.dense_is_faster(half.linear));
  put(cache, TunedProduct::packed, {64, 128}, 0.5, 1.0, 0.8);
  EXPECT_FALSE(tuned.dense_is_faster(half.linear));
  EXPECT_FALSE(tuned.dense_is_faster(Linear()));
}

Linear thresholded(InputGroup group, std::string component, std::int64_t rows) {
  Linear linear;
  linear.spec.group = group;
  linear.spec.component = std::move(component);
  linear.spec.rows = rows;
  linear.spec.cols = 64;
  linear.stored.dtype = DType::bf16;
  linear.input_threshold = 0.1F;
  return linear;
}

TEST(TunedForms, LinearsThatShareAnInputAreDecidedTogether) {
  LayerWeights layer;
  layer.linears.push_back(thresholded(InputGroup::attention, "q", 64));
  layer.linears.push_back(thresholded(InputGroup::attention, "k", 16));
  layer.linears.push_back(thresholded(InputGroup::mlp_output, "down", 64));
  const SparsityOf half = [](std::int64_t, const std::string&) { return 0.5; };
  TuningCache cache;
  const TunedForms tuned(cache, kDevice);
  const auto all_read = [&](std::size_t i) { return tuned.reads_all_columns(layer, layer.linears[i], half); };
  put(cache, TunedProduct::activation, {16, 64}, 0.5, 1.0, 2.0);
  EXPECT_FALSE(all_read(1));  // q is not known
  put(cache, TunedProduct::activation, {64, 64}, 0.5, 10.0, 5.0);
  EXPECT_FALSE(all_read(0));
  EXPECT_FALSE(all_read(1));  // 11 against 7 together
  EXPECT_FALSE(all_read(2));
  put(cache, TunedProduct::activation, {64, 64}, 0.5, 10.0, 9.9);
  EXPECT_TRUE(all_read(0));  // 11 against 11.9
  EXPECT_TRUE(all_read(1));
  EXPECT_TRUE(all_read(2));  // within the tie: the simpler
}

// v, which reads every input, has no say in whether q does.
TEST(TunedForms, LinearsWithoutAThresholdDoNotCount) {
  LayerWeights layer;
  layer.linears.push_back(thresholded(InputGroup::attention, "q", 64));
  layer.linears.push_back(thresholded(InputGroup::attention, "v", 16));
  layer.linears[1].input_threshold = -1.0F;
  TuningCache cache;
  put(cache, TunedProduct::activation, {64, 64}, 0.5, 1.0, 2.0);
  const SparsityOf half = [](std::int64_t, const std::string&) { return 0.5; };
  EXPECT_TRUE(TunedForms(cache, kDevice).reads_all_columns(layer, layer.linears[0], half));
}

// dense, bitmap, columns, packed columns; weights half zeros, inputs too.
void put_both(TuningCache& cache, BenchShape shape, const std::array<double, 4>& seconds, bool steady = true) {
  TuningEntry entry;
  entry.key = tuning_key(kDevice, TunedProduct::both, shape, DType::bf16, 0.5, 0.5);
  entry.candidates = {
      {"dense", seconds[0]}, {"bitmap", seconds[1]}, {"columns", seconds[2]}, {"packed columns", seconds[3]}};
  entry.choice = choose_candidate(entry.candidates).name;
  entry.steady = steady;
  cache.put(entry);
}

TEST(TunedForms, APackedLinearWithAThresholdIsTakenAsBothSay) {
  const PackedLinear half(64, 128, 4);
  TuningCache cache;
  const TunedForms tuned(cache, kDevice);
  put(cache, TunedProduct::packed, {64, 128}, 0.5, 1.0, 1.2);
  EXPECT_TRUE(tuned.dense_is_faster(half.linear, 0.5));  // nothing else is known
  put_both(cache, {64, 128}, {4, 3, 2, 1});
  EXPECT_FALSE(tuned.dense_is_faster(half.linear, 0.5));
  EXPECT_TRUE(tuned.dense_is_faster(half.linear));       // every column read
  EXPECT_TRUE(tuned.dense_is_faster(half.linear, 0.7));  // another bin
  put_both(cache, {64, 128}, {4, 3, 1, 2});
  EXPECT_TRUE(tuned.dense_is_faster(half.linear, 0.5));
  put_both(cache, {64, 128}, {4, 1, 2, 3});
  EXPECT_FALSE(tuned.dense_is_faster(half.linear, 0.5));
  put(cache, TunedProduct::packed, {64, 128}, 0.5, 1.0, 0.8);
  put_both(cache, {64, 128}, {4, 3, 1, 2}, false);
  EXPECT_FALSE(tuned.dense_is_faster(half.linear, 0.5));  // unsteady
}

TEST(TunedForms, PackedLinearsReadAllColumnsWhereBothSay) {
  LayerWeights layer;
  layer.linears.push_back(PackedLinear(64, 128, 4).linear);
  layer.linears.push_back(thresholded(InputGroup::mlp, "up", 16));
  layer.linears[0].spec.group = InputGroup::mlp;
  layer.linears[0].input_threshold = 0.1F;
  const SparsityOf half = [](std::int64_t, const std::string&) { return 0.5; };
  TuningCache cache;
  const TunedForms tuned(cache, kDevice);
  const auto all_read = [&] { return tuned.reads_all_columns(layer, layer.linears[0], half); };
  put(cache, TunedProduct::activation, {64, 128}, 0.5, 1.0, 9.0);  // of a dense matrix: not asked for
  put(cache, TunedProduct::activation, {16, 64}, 0.5, 1.0, 2.0);
  EXPECT_FALSE(all_read());
  put_both(cache, {64, 128}, {9, 5, 8, 4.5});
  EXPECT_TRUE(all_read());  // 6 against 6.5
  put_both(cache, {64, 128}, {9, 5, 3, 4.5});
  EXPECT_FALSE(all_read());  // 6 against 5
}

TEST(TunedForms, EachLinearIsLookedUpAtItsOwnSparsity) {
  LayerWeights layer;
  layer.index = 3;
  layer.linears.push_back(thresholded(InputGroup::mlp_output, "down", 64));
  TuningCache cache;
  put(cache, TunedProduct::activation, {64, 64}, 0.2, 1.0, 2.0);
  const SparsityOf own = [](std::int64_t index, const std::string& component) {
    return index == 3 && component == "down" ? 0.2 : 0.9;
  };
  EXPECT_TRUE(TunedForms(cache, kDevice).reads_all_columns(layer, layer.linears[0], own));
}

TEST(Tuner, TheSparseFormIsTheChoiceOrTheFastestBesideDense) {
  TuningEntry entry;
  entry.candidates = {{"dense", 1.0}, {"columns", 1.3}, {"columns warps=8 splits=2 tile=512", 1.2}};
  entry.choice = "dense";
  EXPECT_EQ(sparse_candidate(entry).seconds, 1.2);
  entry.choice = "columns";
  EXPECT_EQ(sparse_candidate(entry).seconds, 1.3);
  entry.candidates.resize(1);
  EXPECT_EQ(sparse_candidate(entry).name, "dense");
}

TEST(Tuner, MeasuresOnItsDeviceAndRemembers) {
  const test::TempFolder folder;
  TuningCache cache = TuningCache::open(folder.path() / "t.json");
  int calls = 0;
  const TuningDevice device = {"cuda: test", [&](const TuningKey& key, const TunerOptions&, const RunContext&) {
                                 EXPECT_EQ(key.device, "cuda: test");
                                 ++calls;
                                 return MeasuredForms{{{"dense", 2.0}, {"bundles", 1.0}}, calls > 1};
                               }};
  Tuner tuner(cache, device, {});
  const TuningKey key = tuner.key(TunedProduct::two_four, {8, 8}, DType::f16, 0.5);
  EXPECT_EQ(tuner.choose(key, {}).choice, "bundles");
  EXPECT_EQ(calls, 2);  // the first was not steady
  EXPECT_EQ(tuner.choose(key, {}).choice, "bundles");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(tuner.measured(), 1);
  EXPECT_EQ(tuner.unsteady(), 0);
}

// One round is its own fastest: it is taken for this process, once, and by the next one measured anew.
TEST(Tuner, FewRoundsCannotBeSteady) {
  const test::TempFolder folder;
  int calls = 0;
  const TuningDevice device = {"cpu: test", [&](const TuningKey&, const TunerOptions&, const RunContext&) {
                                 ++calls;
                                 return MeasuredForms{{{"dense", 2.0}, {"bitmap", 1.0}}, true};
                               }};
  TunerOptions few;
  few.timing.rounds = kJudgedRounds - 1;
  for (int process = 1; process <= 2; ++process) {
    TuningCache cache = TuningCache::open(folder.path() / "t.json");
    Tuner tuner(cache, device, few);
    const TuningKey key = tuner.key(TunedProduct::packed, {8, 8}, DType::f16, 0.5);
    EXPECT_FALSE(tuner.choose(key, {}).steady);
    EXPECT_FALSE(tuner.choose(key, {}).steady);
    EXPECT_EQ(calls, process);
    EXPECT_EQ(tuner.unsteady(), 1);
  }
  TuningCache cache = TuningCache::open(folder.path() / "t.json");
  Tuner enough(cache, device, {});
  EXPECT_TRUE(enough.choose(enough.key(TunedProduct::packed, {8, 8}, DType::f16, 0.5), {}).steady);
}

// As an edited file may hold: of both sparsities, dense alone.
TEST(TunedForms, AnEntryWithoutColumnsDecidesNothing) {
  LayerWeights layer;
  layer.linears.push_back(PackedLinear(64, 128, 4).linear);
  layer.linears[0].input_threshold = 0.1F;
  TuningCache cache;
  TuningEntry entry;
  entry.key = tuning_key(kDevice, TunedProduct::both, {64, 128}, DType::bf16, 0.5, 0.5);
  entry.candidates = {{"dense", 1.0}};
  entry.choice = "dense";
  cache.put(entry);
  const SparsityOf half = [](std::int64_t, const std::string&) { return 0.5; };
  EXPECT_FALSE(TunedForms(cache, kDevice).reads_all_columns(layer, layer.linears[0], half));
}

TEST(DeviceOptions, NamesAreReadBack) {
  const auto all = all_sparse_options();
  ASSERT_EQ(all.size(), 25U);
  std::set<std::string> names;
  for (const auto& options : all) {
    names.insert(options_name(options));
    const auto back = parse_options_name(options_name(options));
    ASSERT_TRUE(back);
    EXPECT_EQ(options_name(*back), options_name(options));
  }
  EXPECT_EQ(names.size(), all.size());
  EXPECT_EQ(options_name(all.front()), "columns");
  EXPECT_FALSE(parse_options_name("columns warps=3 splits=2 tile=512"));
  EXPECT_FALSE(parse_options_name("dense"));
}

}  // namespace
}  // namespace lacuna

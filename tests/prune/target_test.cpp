#include "lacuna/prune/target.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/prune/method.hpp"

namespace lacuna {
namespace {

TEST(Target, LabelsAreForPeopleAndScriptNamesForFiles) {
  EXPECT_EQ(unstructured(0.5).label(), "50%");
  EXPECT_EQ(unstructured(0.07).label(), "7%");
  EXPECT_EQ(unstructured(0.625).label(), "62.5%");
  EXPECT_EQ(parse_pattern("2:4").label(), "2:4");
  EXPECT_EQ(unstructured(0.5).script_name(), "0-0-0.5");
  EXPECT_EQ(unstructured(0.0).script_name(), "0-0-0.0");
  EXPECT_EQ(parse_pattern("2:4").script_name(), "2-4-0.5");
  EXPECT_EQ(parse_pattern("1:4").script_name(), "1-4-0.25");
}

TEST(Target, PatternPrunesNOfM) {
  const auto target = parse_pattern("3:4");
  EXPECT_TRUE(target.structured());
  EXPECT_DOUBLE_EQ(target.sparsity, 0.75);
  EXPECT_FALSE(unstructured(0.75).structured());
}

TEST(Target, NonsenseIsRefused) {
  for (const char* text : {"", ":", "2", "2:", ":4", "4:4", "5:4", "0:4", "-1:4", "2:4x", " 2:4", "2:4:8", "2.5:4",
                           "99999999999:999999999999", "2:70000"}) {
    EXPECT_THROW(parse_pattern(text), Error) << text;
  }
  for (const double s :
       {-0.1, 1.0, 1.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(unstructured(s), Error) << s;
  }
}

TEST(Method, EveryNamedMethodCanBeMade) {
  for (const auto& name : prune_method_names()) EXPECT_EQ(make_prune_method(name, {})->name(), name);
  EXPECT_THROW(make_prune_method("obliteration", {}), Error);
}

}  // namespace
}  // namespace lacuna

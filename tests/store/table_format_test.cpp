#include "lacuna/store/table_format.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lacuna {
namespace {

QueryTable sample() {
  QueryTable table;
  table.columns = {{"name", "VARCHAR", CellKind::text}, {"n", "DOUBLE", CellKind::number}};
  table.cells = {"plain", "1.5", "a,\"b\"\nc", std::nullopt, "", "NaN"};
  return table;
}

TEST(TableFormat, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(table_to_csv(sample()), "name,n\nplain,1.5\n\"a,\"\"b\"\"\nc\",\n\"\",NaN\n");
}

TEST(TableFormat, JsonIsAnArrayOfObjects) {
  const auto json = nlohmann::json::parse(table_to_json(sample()));
  ASSERT_EQ(json.size(), 3U);
  EXPECT_EQ(json[0]["name"], "plain");
  EXPECT_EQ(json[0]["n"], 1.5);
  EXPECT_EQ(json[1]["name"], "a,\"b\"\nc");
  EXPECT_TRUE(json[1]["n"].is_null());
  EXPECT_TRUE(json[2]["n"].is_null());  // NaN is no JSON
}

TEST(TableFormat, JsonKeepsTypesApartAndKeysUnique) {
  QueryTable table;
  table.columns = {
      {"x", "BOOLEAN", CellKind::boolean}, {"x", "VARCHAR", CellKind::text}, {"x", "HUGEINT", CellKind::number}};
  table.cells = {"true", "12", "170141183460469231731687303715884105727"};
  EXPECT_EQ(table_to_json(table),
            "[{\"x\": true, \"x_1\": \"12\", \"x_2\": 170141183460469231731687303715884105727}]\n");
}

TEST(TableFormat, JsonOfBrokenUtf8IsStillJson) {
  QueryTable table;
  table.columns = {{"t", "VARCHAR", CellKind::text}};
  table.cells = {std::string("a\xFF") + "b\x01"};
  EXPECT_EQ(nlohmann::json::parse(table_to_json(table))[0]["t"], "a\uFFFDb\u0001");
}

TEST(TableFormat, MarkdownEscapesPipesAndAlignsNumbers) {
  QueryTable table = sample();
  table.cells[0] = "a|b";
  EXPECT_EQ(table_to_markdown(table),
            "| name | n |\n| --- | ---: |\n| a\\|b | 1.5 |\n| a,\"b\"<br>c |  |\n|  | NaN |\n");
}

TEST(TableFormat, BoxAlignsByCodePoints) {
  QueryTable table = sample();
  table.cells[0] = "größe";
  EXPECT_EQ(table_to_box(table),
            "┌──────────┬──────┐\n"
            "│ name     │    n │\n"
            "├──────────┼──────┤\n"
            "│ größe    │  1.5 │\n"
            "│ a,\"b\"\\nc │ NULL │\n"
            "│          │  NaN │\n"
            "└──────────┴──────┘\n");
}

TEST(TableFormat, BoxKeepsEscapeSequencesFromTheTerminal) {
  QueryTable table;
  table.columns = {{"t", "VARCHAR", CellKind::text}};
  table.cells = {std::string("\x1b[31mred\x07 \xC2\x9Bx")};
  const auto box = table_to_box(table);
  EXPECT_EQ(box.find('\x1b'), std::string::npos);
  EXPECT_EQ(box.find('\x07'), std::string::npos);
  EXPECT_EQ(box.find("\xC2\x9B"), std::string::npos);
  EXPECT_NE(box.find("\\x1b[31mred\\x07 \\x9bx"), std::string::npos) << box;
}

TEST(TableFormat, EmptyResults) {
  QueryTable table;
  table.columns = {{"a", "INTEGER", CellKind::number}};
  EXPECT_EQ(table_to_csv(table), "a\n");
  EXPECT_EQ(table_to_json(table), "[]\n");
  EXPECT_EQ(table_to_markdown(table), "| a |\n| ---: |\n");
  EXPECT_EQ(table_to_box(table), "┌───┐\n│ a │\n├───┤\n└───┘\n");
  EXPECT_EQ(table_to_box(QueryTable{}), "");
}

}  // namespace
}  // namespace lacuna

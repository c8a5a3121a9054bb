#include "lacuna/render/chart_export.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/render/child_process.hpp"
#include "lacuna/render/text_widths.hpp"

namespace lacuna {
namespace {

Chart small_chart() {
  BarChart chart;
  chart.title = "Zeros";
  chart.value_title = "share";
  chart.bars = {{"a", "", 1.0}};
  return bar_chart(chart);
}

ErrorCode code_of(const ChildProgram& program, const RunContext& context = {}) {
  try {
    run_child(program, "", context);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(ChildProcess, GetsTheInputAndGivesTheOutput) {
  const std::string bytes("a\0b\n", 4);
  EXPECT_EQ(run_child({{"cat"}, ""}, bytes, {}), bytes);
  const std::string large(3 << 20, 'x');  // larger than any pipe
  EXPECT_EQ(run_child({{"cat"}, ""}, large, {}), large);
}

TEST(ChildProcess, ArgumentsAreNotShellWords) {
  EXPECT_EQ(run_child({{"printf", "%s", "$(id); *"}, ""}, "", {}), "$(id); *");
}

TEST(ChildProcess, AMissingProgramIsNamedWithItsHint) {
  try {
    run_child({{"lacuna-no-such-program"}, "install it"}, "", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_NE(error.message().find("lacuna-no-such-program"), std::string::npos);
    EXPECT_EQ(error.hint(), "install it");
  }
}

TEST(ChildProcess, AFailureSaysWhatTheProgramWrote) {
  try {
    run_child({{"ls", "/no/such/folder"}, ""}, "", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io_failed);
    EXPECT_NE(error.message().find("/no/such/folder"), std::string::npos);
  }
}

TEST(ChildProcess, IsKilledWhenItTakesTooLongOrIsNotWanted) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of({{"sleep", "60"}, "", 0.05}), ErrorCode::io_failed);
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_EQ(code_of({{"sleep", "60"}, ""}, context), ErrorCode::interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(TextWidths, AreThoseOfAProportionalFont) {
  const auto widths = text_widths("Σ");
  EXPECT_LT(widths["regular"]["i"], widths["regular"]["m"]);
  EXPECT_LT(widths["regular"]["m"], widths["bold"]["m"]);
  EXPECT_GT(widths["regular"]["Σ"], 0.3);
  EXPECT_TRUE(widths["regular"].contains("−")) << "number formats write it";
}

TEST(ChartExport, TheEndingDecides) {
  EXPECT_EQ(picture_format("a.svg"), PictureFormat::svg);
  EXPECT_EQ(picture_format("a.vl.json"), PictureFormat::json);
  for (const char* name : {"a", "a.jpg", "svg", ".svg"}) EXPECT_THROW(picture_format(name), Error) << name;
}

TEST(ChartExport, JsonAndHtmlNeedNoProgram) {
  const Chart chart = small_chart();
  EXPECT_EQ(chart_file(chart, PictureFormat::json), chart.spec + "\n");
  const std::string page = chart_file(chart, PictureFormat::html);
  EXPECT_NE(page.find("<!doctype html>"), std::string::npos);
  EXPECT_NE(page.find("Zeros"), std::string::npos);
}

TEST(ChartExport, SizesOutsideTheirLimitsAreRefused) {
  for (const int width : {99, 4001}) {
    EXPECT_THROW(chart_file(small_chart(), PictureFormat::json, {width, 1.0}), Error);
  }
  for (const double scale : {0.0, 10.5, static_cast<double>(NAN)}) {
    EXPECT_THROW(chart_file(small_chart(), PictureFormat::json, {640, scale}), Error);
  }
}

}  // namespace
}  // namespace lacuna

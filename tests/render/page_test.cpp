#include "lacuna/render/page.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/escape.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

const std::string kHostile =
    R"("><script>document.documentElement.dataset.owned=1</script><img src=x onerror='owned()'>&)";

Chart hostile_chart() {
  BarChart chart;
  chart.title = kHostile;
  chart.category_title = kHostile;
  chart.value_title = kHostile;
  chart.bars = {{kHostile, kHostile, 1.0}, {"</script>", "<!--", 2.0}};
  return bar_chart(chart);
}

std::string hostile_page() {
  Page page(kHostile, kHostile);
  Table table{{{kHostile}, {"n", true}}, {{text_cell(kHostile), number_cell(1, 0)}}};
  page.section(kHostile).subsection(kHostile).paragraph(kHostile).note(kHostile).code(kHostile);
  page.key_figures({{kHostile, kHostile, kHostile}}).table(table, kHostile);
  page.picture({"png", kHostile, kHostile}).chart(hostile_chart(), kHostile).key_values({{kHostile, kHostile}});
  return page.html();
}

std::vector<std::string> contents_of(const std::string& html, const std::string& open) {
  std::vector<std::string> found;
  for (std::size_t at = html.find(open); at != std::string::npos; at = html.find(open, at)) {
    at += open.size();
    found.push_back(html.substr(at, html.find("</script>", at) - at));
  }
  return found;
}

TEST(Page, HostileTextStaysText) {
  const std::string html = hostile_page();
  EXPECT_EQ(html.find("<img src=x"), std::string::npos);
  EXPECT_EQ(html.find("<script>document"), std::string::npos);
  EXPECT_NE(html.find("<h1>" + escape_html(kHostile) + "</h1>"), std::string::npos);
  EXPECT_EQ(contents_of(html, "<script>").size(), 4U) << "vega, vega-lite, vega-embed, the page's own";
}

std::string csp_hash(const std::string& script) {
  std::string digest;
  const std::string hex = sha256_hex(std::as_bytes(std::span(script.data(), script.size())));
  for (std::size_t i = 0; i < 64; i += 2) digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return "'sha256-" + base64(digest) + "'";
}

TEST(Page, PolicyAllowsItsOwnScriptsAndNothingElse) {
  const std::string html = hostile_page();
  std::smatch match;
  const std::string head = html.substr(0, html.find("<style>"));
  ASSERT_TRUE(std::regex_search(head, match, std::regex("Content-Security-Policy\" content=\"([^\"]*)\"")));
  const std::string policy = match[1];
  EXPECT_EQ(policy.find("default-src 'none'"), 0U);
  EXPECT_EQ(policy.find("unsafe-eval"), std::string::npos);
  const std::string scripts = policy.substr(policy.find("script-src"));
  EXPECT_EQ(scripts.find("unsafe"), std::string::npos);
  for (const auto& script : contents_of(html, "<script>")) {
    EXPECT_NE(scripts.find(csp_hash(script)), std::string::npos) << script.substr(0, 60);
  }
}

TEST(Page, NamesNoOtherFile) {
  std::string html = hostile_page();
  for (const auto& script : contents_of(html, "<script>")) html.replace(html.find(script), script.size(), "");
  const std::regex reference(R"re(\b(src|href|action|data|poster|srcset)\s*=\s*"([^"]*)")re");
  int n_references = 0;
  for (auto it = std::sregex_iterator(html.begin(), html.end(), reference); it != std::sregex_iterator(); ++it) {
    const std::string target = (*it)[2];
    EXPECT_TRUE(target.starts_with("#") || target.starts_with("data:image/png;base64,")) << target;
    ++n_references;
  }
  EXPECT_GE(n_references, 3) << "a picture, contents, skip link";
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_EQ(html.find("url("), std::string::npos);
}

TEST(Page, ChartLibrariesComeOnceAndOnlyWithCharts) {
  Page page("t", "s");
  page.section("a").paragraph("b");
  EXPECT_LT(page.html().size(), 40'000U);
  EXPECT_EQ(contents_of(page.html(), "<script>").size(), 1U);
  page.chart(hostile_chart());
  const std::size_t one = page.html().size();
  page.chart(hostile_chart());
  EXPECT_GT(one, 800'000U);
  EXPECT_LT(page.html().size(), one + 20'000U);
  EXPECT_NE(page.html().find("University of Washington Interactive Data Lab"), std::string::npos) << "Vega's licence";
}

TEST(Page, EveryChartHasItsNumbers) {
  const std::string html = hostile_page();
  const std::size_t figure = html.find("<figure class=\"chart\"");
  const std::size_t details = html.find("<details class=\"data\" open>", figure);
  ASSERT_NE(details, std::string::npos) << "open until a script has drawn the chart";
  EXPECT_NE(html.find("<table>", details), std::string::npos);
  EXPECT_NE(html.find("<noscript>"), std::string::npos);
}

TEST(Page, TablesAreAlignedSortableAndAccessible) {
  Page page("t", "");
  page.table({{{"name"}, {"ppl", true}}, {{text_cell("wanda"), number_cell(1234.5, 1)}}}, "Results");
  const std::string html = page.html();
  EXPECT_NE(html.find("<caption><span>Results</span></caption>"), std::string::npos);
  EXPECT_NE(html.find(R"(<th scope="col" class="num">ppl</th>)"), std::string::npos);
  EXPECT_NE(html.find(R"(<th scope="row">wanda</th><td class="num" data-value="1234.5">1,234.5</td>)"),
            std::string::npos);
}

TEST(Page, RefusesARaggedTable) {
  Page page("t", "");
  EXPECT_THROW(page.table({{{"a"}, {"b"}}, {{text_cell("x")}}}), Error);
}

TEST(Page, SectionsAreClosedAndListed) {
  Page page("t", "");
  page.section("One").subsection("Sub").section("Two");
  const std::string html = page.html();
  const auto count = [&](const std::string& text) {
    std::size_t n = 0;
    for (std::size_t at = html.find(text); at != std::string::npos; at = html.find(text, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<section "), 2U);
  EXPECT_EQ(count("</section>"), 2U);
  for (const std::string id : {"part-1", "part-2", "part-3"}) {
    EXPECT_EQ(count("href=\"#" + id + "\""), 1U);
    EXPECT_EQ(count(" id=\"" + id + "\""), 1U);
  }
}

TEST(Page, IsWrittenWhole) {
  const test::TempFolder folder;
  Page page("t", "s");
  page.write(folder / "report.html");
  EXPECT_EQ(read_file(folder / "report.html", 1 << 20), page.html());
}

}  // namespace
}  // namespace lacuna

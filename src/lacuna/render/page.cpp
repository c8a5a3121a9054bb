#include "lacuna/render/page.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/escape.hpp"
#include "lacuna/render/page_shell.hpp"

namespace lacuna {
namespace {

void require_rectangular(const Table& table, std::string_view caption) {
  for (const auto& row : table.rows) {
    if (row.size() == table.columns.size()) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("table '{}': expected rows of {} cells, got one of {}",
                                                         caption, table.columns.size(), row.size()));
  }
}

std::string sort_key(const Cell& cell) {
  if (!cell.number) return "";
  if (std::isinf(*cell.number)) return *cell.number > 0 ? R"( data-value="Infinity")" : R"( data-value="-Infinity")";
  return fmt::format(R"( data-value="{}")", *cell.number);
}

std::string row_html(const std::vector<Cell>& row, const std::vector<Column>& columns) {
  std::string html = "<tr>";
  for (std::size_t c = 0; c < row.size(); ++c) {
    const std::string_view tag = c == 0 ? "th" : "td";
    html += fmt::format("<{}{}{}{}>{}</{}>", tag, c == 0 ? R"( scope="row")" : "",
                        columns[c].numeric ? R"( class="num")" : "", sort_key(row[c]), escape_html(row[c].text), tag);
  }
  return html + "</tr>\n";
}

std::string table_html(const Table& table, std::string_view caption) {
  require_rectangular(table, caption);
  const std::string label = escape_html(caption);
  std::string html = R"(<div class="table" role="region" tabindex="0" aria-label=")" +
                     (label.empty() ? "Table" : label) + "\"><table>\n";
  if (!label.empty()) html += "<caption><span>" + label + "</span></caption>\n";
  html += "<thead><tr>";
  for (const auto& column : table.columns) {
    html +=
        fmt::format(R"(<th scope="col"{}>{}</th>)", column.numeric ? R"( class="num")" : "", escape_html(column.name));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) html += row_html(row, table.columns);
  return html + "</tbody></table></div>\n";
}

std::string picture_html(const Picture& picture) {
  std::string html = "<figure class=\"picture\"><img alt=\"" + escape_html(picture.description) +
                     "\" src=\"data:image/png;base64," + base64(picture.png) + "\">";
  if (!picture.caption.empty()) html += "<figcaption>" + escape_html(picture.caption) + "</figcaption>";
  return html + "</figure>\n";
}

std::string caption_html(std::string_view caption) {
  return caption.empty() ? "" : "<figcaption>" + escape_html(caption) + "</figcaption>\n";
}

}  // namespace

Page::Page(std::string title, std::string summary) : title_(std::move(title)), summary_(std::move(summary)) {}

Page& Page::section(std::string_view title) {
  if (section_open_) body_ += "</section>\n";
  section_open_ = true;
  entries_.push_back({fmt::format("part-{}", entries_.size() + 1), std::string(title), 1});
  body_ += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", entries_.back().id,
                       escape_html(title));
  return *this;
}

Page& Page::subsection(std::string_view title) {
  entries_.push_back({fmt::format("part-{}", entries_.size() + 1), std::string(title), 2});
  body_ += fmt::format("<h3 id=\"{}\">{}</h3>\n", entries_.back().id, escape_html(title));
  return *this;
}

Page& Page::paragraph(std::string_view text) {
  body_ += "<p>" + escape_html(text) + "</p>\n";
  return *this;
}

Page& Page::note(std::string_view text) {
  body_ += "<p class=\"note\">" + escape_html(text) + "</p>\n";
  return *this;
}

Page& Page::code(std::string_view text) {
  body_ += "<pre tabindex=\"0\"><code>" + escape_html(text) + "</code></pre>\n";
  return *this;
}

Page& Page::key_figures(const std::vector<KeyFigure>& figures) {
  body_ += "<dl class=\"figures\">\n";
  for (const auto& figure : figures) {
    body_ += "<div><dt>" + escape_html(figure.label) + "</dt><dd>" + escape_html(figure.value) + "</dd>";
    if (!figure.note.empty()) body_ += "<dd class=\"aside\">" + escape_html(figure.note) + "</dd>";
    body_ += "</div>\n";
  }
  body_ += "</dl>\n";
  return *this;
}

Page& Page::table(const Table& table, std::string_view caption) {
  body_ += table_html(table, caption);
  return *this;
}

Page& Page::picture(const Picture& picture) {
  body_ += picture_html(picture);
  return *this;
}

Page& Page::gallery(const std::vector<Picture>& pictures) {
  body_ += "<div class=\"gallery\">\n";
  for (const auto& picture : pictures) body_ += picture_html(picture);
  body_ += "</div>\n";
  return *this;
}

// The data table is open until the script has drawn the chart: readers without JavaScript see the numbers.
Page& Page::chart(const Chart& chart, std::string_view caption) {
  ++n_charts_;
  body_ += fmt::format("<figure class=\"chart\" id=\"chart-{}\">\n<div class=\"view\"></div>\n", n_charts_);
  body_ += "<script type=\"application/json\">" + json_for_script(chart.spec) + "</script>\n";
  body_ += caption_html(caption);
  body_ += "<details class=\"data\" open><summary>Numbers of this chart</summary>\n" +
           table_html(chart.data, chart.title) + "</details>\n</figure>\n";
  return *this;
}

Page& Page::key_values(const std::vector<std::pair<std::string, std::string>>& values) {
  body_ += "<dl class=\"values\">\n";
  for (const auto& [key, value] : values) {
    body_ += "<dt>" + escape_html(key) + "</dt><dd>" + escape_html(value) + "</dd>\n";
  }
  body_ += "</dl>\n";
  return *this;
}

std::string Page::html() const {
  std::string navigation;
  for (const auto& entry : entries_) {
    navigation += fmt::format("<li class=\"level-{}\"><a href=\"#{}\">{}</a></li>\n", entry.level, entry.id,
                              escape_html(entry.title));
  }
  return page_html({title_, summary_, navigation, body_ + (section_open_ ? "</section>\n" : ""), n_charts_ > 0});
}

void Page::write(const std::filesystem::path& target) const { write_file_atomic(target, html()); }

}  // namespace lacuna

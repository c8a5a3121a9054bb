// Every script is allowed by its SHA-256 and by nothing else: text that reached the page unescaped, by a mistake here
// or in a library, still could not run. Vega evaluates expressions by its interpreter (`ast`), so that 'unsafe-eval' is
// not needed. Styles are 'unsafe-inline', since charts set them on their elements.
#include "lacuna/render/page_shell.hpp"

#include <fmt/format.h>

#include <vector>

#include "embedded/chart_theme_dark.hpp"
#include "embedded/chart_theme_light.hpp"
#include "embedded/page_css.hpp"
#include "embedded/page_js.hpp"
#include "embedded/vega_embed_js.hpp"
#include "embedded/vega_js.hpp"
#include "embedded/vega_licence_txt.hpp"
#include "embedded/vega_lite_js.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/render/escape.hpp"

namespace lacuna {
namespace {

// HTML parsers turn CR LF into LF before they hash a script.
std::string without_carriage_returns(std::string text) {
  std::erase(text, '\r');
  return text;
}

std::vector<std::string> page_scripts(bool charts) {
  std::vector<std::string> scripts;
  if (charts) {
    scripts.push_back(fmt::format("/*!\n{}*/\n{}", embedded::vega_licence_txt(), embedded::vega_js()));
    scripts.emplace_back(embedded::vega_lite_js());
    scripts.emplace_back(embedded::vega_embed_js());
  }
  scripts.emplace_back(embedded::page_js());
  for (auto& script : scripts) script = without_carriage_returns(script_for_inline(script));
  return scripts;
}

std::string csp_source(const std::string& script) {
  const std::string hex = sha256_hex(std::as_bytes(std::span(script.data(), script.size())));
  std::string digest;
  for (std::size_t i = 0; i < hex.size(); i += 2) digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return fmt::format("'sha256-{}'", base64(digest));
}

std::string security_policy(const std::vector<std::string>& scripts) {
  std::string sources;
  for (const auto& script : scripts) sources += fmt::format(" {}", csp_source(script));
  return "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
         "script-src" +
         sources;
}

std::string theme_html(std::string_view name, std::string_view theme) {
  return fmt::format("<script type=\"application/json\" id=\"chart-theme-{}\">{}</script>\n", name,
                     json_for_script(theme));
}

std::string head_html(const PageParts& parts, const std::vector<std::string>& scripts) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta name=\"generator\" content=\"lacuna {}\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n",
      security_policy(scripts), version(), escape_html(parts.title), embedded::page_css());
}

std::string navigation_html(const PageParts& parts) {
  if (parts.navigation.empty()) return "";
  return "<nav class=\"contents\" aria-label=\"Contents\"><details open><summary>Contents</summary>\n<ol>\n" +
         parts.navigation + "</ol></details></nav>\n";
}

std::string footer_html(bool charts) {
  return fmt::format("<footer><p>Made by Lacuna {}.{} This file needs no network.</p></footer>\n", version(),
                     charts ? " Charts by Vega, © University of Washington Interactive Data Lab (BSD-3-Clause)." : "");
}

}  // namespace

std::string page_html(const PageParts& parts) {
  const auto scripts = page_scripts(parts.charts);
  std::string html = head_html(parts, scripts);
  html += "<body>\n<a class=\"skip\" href=\"#content\">Skip to content</a>\n<div class=\"frame\">\n" +
          navigation_html(parts);
  html += "<main id=\"content\">\n<header><h1>" + escape_html(parts.title) + "</h1>\n";
  if (!parts.summary.empty()) html += "<p class=\"summary\">" + escape_html(parts.summary) + "</p>\n";
  html += "</header>\n";
  if (parts.charts) {
    html +=
        "<noscript><p class=\"note\">Charts need JavaScript. Their numbers are in the tables below.</p></noscript>\n";
  }
  html += parts.body + footer_html(parts.charts) + "</main>\n</div>\n";
  if (parts.charts) {
    html += theme_html("light", embedded::chart_theme_light()) + theme_html("dark", embedded::chart_theme_dark());
  }
  for (const auto& script : scripts) html += "<script>" + script + "</script>\n";
  return html + "</body>\n</html>\n";
}

}  // namespace lacuna

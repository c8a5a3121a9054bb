// A report as one HTML file that needs nothing else: no network, no server, no other file.
//
// Parts appear in the order of the calls. Text is plain and escaped here. Scripts are listed in the page's content
// security policy by their SHA-256, so that nothing else in it can run, and the policy forbids every request. Vega,
// Vega-Lite and Vega-Embed are inlined once, only when there is a chart. Without JavaScript every chart's numbers show
// as a table.
//
// Size     0.9 MB for the chart libraries, plus the pictures.
// Threads  one writer per object.
// Errors   Error{invalid_argument}: a table whose rows are not as long as its columns; write(): those of AtomicFile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lacuna/render/chart.hpp"
#include "lacuna/render/table.hpp"

namespace lacuna {

struct Picture {
  std::string png;          // the bytes of a file
  std::string description;  // for readers who cannot see it
  std::string caption;      // may be empty
};

struct KeyFigure {
  std::string value;  // "18.34"
  std::string label;  // "perplexity, dense"
  std::string note;   // "± 0.21"; may be empty
};

class Page {
 public:
  // `summary` says in a sentence or two what was done and found.
  Page(std::string title, std::string summary);

  Page& section(std::string_view title);     // a numbered part, listed in the navigation
  Page& subsection(std::string_view title);  // listed below its section
  Page& paragraph(std::string_view text);
  Page& note(std::string_view text);  // set apart: a caveat, a warning
  Page& code(std::string_view text);  // a command or a file, verbatim
  Page& key_figures(const std::vector<KeyFigure>& figures);
  Page& table(const Table& table, std::string_view caption = {});
  Page& picture(const Picture& picture);
  Page& gallery(const std::vector<Picture>& pictures);  // side by side, as many as fit
  Page& chart(const Chart& chart, std::string_view caption = {});
  Page& key_values(const std::vector<std::pair<std::string, std::string>>& values);  // provenance: "seed", "0"

  std::string html() const;
  void write(const std::filesystem::path& target) const;

 private:
  struct Entry {
    std::string id;
    std::string title;
    int level = 1;
  };

  std::string title_;
  std::string summary_;
  std::string body_;
  std::vector<Entry> entries_;
  int n_charts_ = 0;
  bool section_open_ = false;
};

}  // namespace lacuna

// The frame of a page: head, content security policy, navigation, scripts. Internal to render.
#pragma once

#include <string>

namespace lacuna {

struct PageParts {
  std::string title;       // plain text
  std::string summary;     // plain text
  std::string navigation;  // list items, HTML
  std::string body;        // HTML
  bool charts = false;     // inline the chart libraries
};

std::string page_html(const PageParts& parts);

}  // namespace lacuna

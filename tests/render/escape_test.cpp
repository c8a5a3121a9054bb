#include "lacuna/render/escape.hpp"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

const std::string kBad = "\xEF\xBF\xBD";  // U+FFFD

TEST(CleanUtf8, LeavesWellFormedTextAlone) {
  const std::string text = "layer 0 · mlp.down_proj\n\tŴ ‖x‖² 層 😀";
  EXPECT_EQ(clean_utf8(text), text);
}

TEST(CleanUtf8, ReplacesEveryMalformedByte) {
  EXPECT_EQ(clean_utf8("a\xFFz"), "a" + kBad + "z");
  EXPECT_EQ(clean_utf8("\xC0\xAF"), kBad + kBad);                     // overlong slash
  EXPECT_EQ(clean_utf8("\xE0\x80\xAF"), kBad + kBad + kBad);          // overlong, three bytes
  EXPECT_EQ(clean_utf8("\xED\xA0\x80"), kBad + kBad + kBad);          // a surrogate
  EXPECT_EQ(clean_utf8("\xF4\x90\x80\x80").size(), 4 * kBad.size());  // beyond U+10FFFF
  EXPECT_EQ(clean_utf8("\xE2\x82"), kBad + kBad);                     // cut off
  EXPECT_EQ(clean_utf8("\xC3\x41"), kBad + "A");                      // a lead byte swallows nothing
}

TEST(CleanUtf8, ReplacesControlsAndBidirectionalOverrides) {
  EXPECT_EQ(clean_utf8(std::string("a\0b\x1B[31m", 8)), "a" + kBad + "b" + kBad + "[31m");
  EXPECT_EQ(clean_utf8("x\xE2\x80\xAEtxt.exe"), "x" + kBad + "txt.exe");  // U+202E
  EXPECT_EQ(clean_utf8("\xC2\x85"), kBad);                                // a C1 control
}

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(escape_html("<img src=x onerror=\"a('b')\">&amp;"),
            "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;amp;");
}

TEST(ScriptText, CannotEndItsElement) {
  EXPECT_EQ(json_for_script(R"({"a":"</script><!--"})"), R"({"a":"\u003c/script>\u003c!--"})");
  EXPECT_EQ(script_for_inline("x='</script>';y='<!--'"), "x='<\\/script>';y='<\\!--'");
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(std::string_view()), "");
  EXPECT_EQ(base64(std::string_view("f")), "Zg==");
  EXPECT_EQ(base64(std::string_view("fo")), "Zm8=");
  EXPECT_EQ(base64(std::string_view("foo")), "Zm9v");
  EXPECT_EQ(base64(std::string_view("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string_view("\xFB\xFF\x00", 3)), "+/8A");
}

}  // namespace
}  // namespace lacuna

#include "refusal.hpp"

#include "lacuna/formats/tensor_archive.hpp"
#include "support/temp_folder.hpp"

namespace lacuna::test {

Error expect_refused(std::string_view what, const std::string& bytes) {
  const TempFolder folder;
  const auto path = folder.write("bad.pt", bytes);
  return expect_one_error(what, path, bytes.size(), [&] { open_tensor_file(path); });
}

}  // namespace lacuna::test

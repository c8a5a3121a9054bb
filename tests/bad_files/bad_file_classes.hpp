// Bad files by class: each made from a good file by damage with a name, and the reader that must refuse it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lacuna::test {

struct BadFile {
  std::string what;
  std::string bytes;
};
using BadFiles = std::vector<BadFile>;

struct BadFileClass {
  std::string name;
  std::string file_name;
  std::function<void(const std::filesystem::path&)> read;
  std::function<BadFiles()> files;
  std::string good;                // opens: the damage, not the base, is what the reader refuses
  bool offset_everywhere = false;  // the rule concerns a place in the file, so that the error must give it
};
using BadFileClasses = std::vector<BadFileClass>;

BadFileClasses safetensors_classes();
BadFileClasses zip_classes();
BadFileClasses pt_classes();
BadFileClasses npy_classes();
BadFileClasses model_folder_classes();  // index, config, masks
BadFileClasses text_classes();          // tokenizers, studies

// Every length from 0 on in steps, and the last byte missing.
BadFiles truncations(const std::string& good, std::size_t count = 16);

// `head` + each value + `tail`.
BadFiles with_values(const std::string& head, const std::vector<std::string>& values, const std::string& tail);

std::string repeated(const std::string& text, std::size_t n);

}  // namespace lacuna::test

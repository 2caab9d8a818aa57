// Reads commands from standard input, one a line, and passes them to the driver. The answer to each is a
// line: the driver's status, and for get the bytes in hex. Tests in Go can so use the driver without cgo.
//
//	load FILE            the module               alloc SIZE     allocation 0, 1, …
//	entry NAME           its function             put I HEX      upload
//	get I SIZE           download                 free I         free
//	launch HOW GRID BLOCK SHARED ARG…             HOW is plain or cooperative, ARG a number or @I+OFFSET
//	sync                                          wait
#include <cuda.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

int main() {
	CUcontext context;
	CUmodule module = nullptr;
	CUfunction function = nullptr;
	CUstream stream;
	std::vector<CUdeviceptr> at;
	if (cuInit(0) || cuDevicePrimaryCtxRetain(&context, 0) || cuCtxPushCurrent(context) ||
	    cuStreamCreate(&stream, 1))
		return 1;
	for (std::string line; std::getline(std::cin, line);) {
		std::istringstream in(line);
		std::string command, text;
		in >> command >> text;
		size_t size = 0;
		int status = -1;
		std::string more;
		if (command == "load") {
			std::ifstream file(text, std::ios::binary);
			std::stringstream all;
			all << file.rdbuf();
			char log[2000] = "";
			CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
			void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
			status = cuModuleLoadDataEx(&module, all.str().c_str(), 2, options, values);
			more = std::string(" ") + log;
			while (!more.empty() && more.back() == '\n') more.pop_back();
		} else if (command == "entry") {
			status = cuModuleGetFunction(&function, module, text.c_str());
		} else if (command == "alloc") {
			at.push_back(0);
			status = cuMemAlloc(&at.back(), std::stoul(text));
		} else if (command == "put") {
			std::string hex, bytes;
			in >> hex;
			for (size_t i = 0; i + 1 < hex.size(); i += 2)
				bytes += char(std::stoi(hex.substr(i, 2), nullptr, 16));
			status = cuMemcpyHtoDAsync(at[std::stoul(text)], bytes.data(), bytes.size(), stream);
			if (!status) status = cuStreamSynchronize(stream);
		} else if (command == "get") {
			in >> size;
			std::vector<unsigned char> bytes(size);
			status = cuMemcpyDtoHAsync(bytes.data(), at[std::stoul(text)], size, stream);
			if (!status) status = cuStreamSynchronize(stream);
			more = " ";
			for (unsigned char b : bytes)
				more += "0123456789abcdef"[b >> 4], more += "0123456789abcdef"[b & 15];
		} else if (command == "free") {
			status = cuMemFree(at[std::stoul(text)]);
		} else if (command == "launch") {
			unsigned grid, block, shared;
			in >> grid >> block >> shared;
			std::vector<unsigned long long> values;
			for (std::string arg; in >> arg;) {
				size_t plus = arg.find('+');
				if (arg[0] == '@')
					values.push_back(at[std::stoul(arg.substr(1))] + std::stoull(arg.substr(plus + 1)));
				else values.push_back(std::stoull(arg, nullptr, 0));
			}
			std::vector<void *> args;
			for (auto &v : values) args.push_back(&v);
			if (text == "cooperative")
				status = cuLaunchCooperativeKernel(function, grid, 1, 1, block, 1, 1, shared, stream,
				                                   args.data());
			else
				status = cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, args.data(),
				                        nullptr);
		} else if (command == "sync") {
			status = cuStreamSynchronize(stream);
		}
		std::cout << status << more << std::endl;
	}
}

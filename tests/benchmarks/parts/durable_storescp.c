/* Loaded before libc into DCMTK's storescp: a file that was written is on the disk once closed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_durable(int descriptor)
{
    struct stat status;
    int mode = fcntl(descriptor, F_GETFL);
    if (mode != -1 && (mode & O_ACCMODE) != O_RDONLY && fstat(descriptor, &status) == 0 &&
        S_ISREG(status.st_mode))
        fsync(descriptor);
}

int fclose(FILE *file)
{
    int (*next)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
    fflush(file);
    make_durable(fileno(file));
    return next(file);
}

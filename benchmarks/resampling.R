# Seconds of profile, bootMer, refit and PBmodcomp -> JSON lines; data come as CSV from resampling.py
# Rscript resampling.R FOLDER
suppressMessages({library(lme4); library(pbkrtest)})
folder <- commandArgs(TRUE)[1]
read <- function(name) read.csv(file.path(folder, paste0(name, ".csv")), stringsAsFactors = TRUE)
ctl <- lmerControl(calc.derivs = FALSE)
quiet <- function(x) suppressMessages(suppressWarnings(x))
say <- function(task, seconds) cat(sprintf('{"task": "%s", "seconds": %.6g}\n', task, seconds))
timed <- function(x) system.time(quiet(x))[["elapsed"]]
sleep <- read("sleepstudy"); sleep$Subject <- factor(sleep$Subject)
exam <- read("Exam"); exam$school <- factor(exam$school)
m <- lmer(Reaction ~ Days + (Days | Subject), sleep, control = ctl)
u <- lmer(Reaction ~ Days + (Days || Subject), sleep, control = ctl)
e <- lmer(normexam ~ standLRT + (standLRT | school), exam, control = ctl)
say("profile sleepstudy", timed(confint(m, method = "profile")))
say("profile sleepstudy ||", timed(confint(u, method = "profile")))
say("profile Exam", timed(confint(e, method = "profile")))
say("bootstrap sleepstudy (1000)",
    10 * timed(bootMer(m, function(x) c(getME(x, "theta"), sigma(x), fixef(x)), nsim = 100, seed = 1)))
y <- simulate(e, 20, seed = 1)
say("refit Exam", timed(for (i in 1:20) refit(e, y[[i]])) / 20)
m0 <- lmer(Reaction ~ 1 + (Days | Subject), sleep, REML = FALSE, control = ctl)
m1 <- lmer(Reaction ~ Days + (Days | Subject), sleep, REML = FALSE, control = ctl)
say("pb_compare sleepstudy (1000)", 10 * timed(PBmodcomp(m1, m0, nsim = 100, seed = 1)))
